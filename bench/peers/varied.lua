-- 2,000 files, and a cookie and an agent that change with every request: no two heads are alike.
local count, n = 2000, 0
request = function()
  n = n + 1
  local headers = {
    ["Cookie"] = "session=" .. string.format("%08x", n * 2654435761 % 4294967296) .. "; seen=" .. n,
    ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:" .. n % 977 .. ".0) Gecko/20100101 Firefox/" .. n % 131 .. ".0",
    ["Accept"] = "image/avif,image/webp,image/png,*/*;q=0.8",
    ["Accept-Encoding"] = "gzip, deflate, br",
  }
  return wrk.format("GET", "/many/" .. (n * 7919) % count .. ".jpg", headers)
end
