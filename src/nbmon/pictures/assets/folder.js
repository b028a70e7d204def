// The page of a folder: its pages follow each other as one scrolls, pictures are chosen, and what is new is shown.
// Comes after viewer.js, whose words it uses.
"use strict";

const AROUND = 400; // pages before and after this one that become windows: browsers bound a page's height
const LONGEST = 8000; // signs of an address, some thousand pictures; the server takes 8192
const KEPT = 6; // windows that stay filled, besides those near the screen

class Folder {
  constructor() {
    this.choice = new Choice(this);
    this.windows = [];
    this.list = $("ul.pictures");
    this.settle();
    document.addEventListener("error", (event) => this.fail(event.target), true);
    for (const image of $$("img")) if (image.complete && !image.naturalWidth && image.currentSrc) this.fail(image);
    document.addEventListener("click", (event) => this.click(event));
    this.listen();
    addEventListener("pagehide", () => this.events?.close());
    addEventListener("pageshow", (event) => { if (event.persisted) { this.listen(); this.renew(); } });
  }

  settle() {
    this.choice.settle();
    this.number = Number(body.dataset.page);
    this.pages = Number(body.dataset.pages);
    if (this.list && this.pages > 1 && "IntersectionObserver" in window) this.open();
    if ("waits" in body.dataset) setTimeout(() => this.renew(), 2000);
  }

  fail(image) {
    const tile = image.closest?.(".pictures li");
    if (!tile) return;
    tile.classList.add("broken");
    $("a", tile).dataset.broken = body.dataset.broken;
  }

  /* Windows: a list for each page, empty but for those near the screen. */

  open() {
    const [first, last] = [Math.max(1, this.number - AROUND), Math.min(this.pages, this.number + AROUND)];
    this.tall = this.list.offsetHeight;
    for (let page = first; page <= last; page++) {
      const list = page === this.number ? this.list : document.createElement("ul");
      list.className = "pictures window";
      this.windows.push({ page, list, filled: page === this.number, asked: false });
      if (page !== this.number) list.style.height = `${this.tall}px`;
    }
    const here = this.number - first;
    this.list.before(...this.windows.slice(0, here).map((one) => one.list));
    this.list.after(...this.windows.slice(here + 1).map((one) => one.list));
    if (first === 1 && last === this.pages) for (const one of $$(".pager, .summary .of")) one.hidden = true;
    history.scrollRestoration = "manual";
    if (this.number > 1 && !location.hash) this.list.scrollIntoView();
    else if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView({ block: "center" });
    this.watch = new IntersectionObserver((seen) => this.seen(seen), { rootMargin: "150% 0px" });
    for (const one of this.windows) this.watch.observe(one.list);
    addEventListener("scroll", () => { this.ticks ??= setTimeout(() => { this.ticks = null; this.where(); }, 250); }, { passive: true });
  }

  seen(entries) {
    for (const entry of entries) {
      const one = this.windows.find((each) => each.list === entry.target);
      one.near = entry.isIntersecting;
      if (one.near) this.fetch(one);
    }
    const far = this.windows.filter((one) => one.filled && !one.near);
    for (const one of far.slice(0, Math.max(0, far.length - KEPT))) this.empty(one);
  }

  async fetch(one) {
    if (one.filled || one.asked) return;
    one.asked = true;
    try {
      const page = await pageAt(this.address(one.page));
      if (one.near) this.fillIn(one, page);
    } catch {
      setTimeout(() => { if (one.near) this.fetch(one); }, 3000);
    }
    one.asked = false;
  }

  address(page) {
    const url = new URL(location.href);
    url.hash = "";
    url.searchParams.delete("view");
    if (page > 1) url.searchParams.set("page", page);
    else url.searchParams.delete("page");
    return url.href;
  }

  fillIn(one, page) {
    this.keepPlace(one.list, () => {
      one.list.style.height = "";
      one.list.replaceChildren(...$$("ul.pictures > li", page).map((tile) => document.importNode(tile, true)));
      one.filled = true;
    });
    this.choice.check(one.list);
    const more = $$("ul.others > li", page);
    if (more.length && !one.others) {
      one.others = true;
      if ($("ul.others")) $("ul.others").append(...more);
      else $(".pager").before(document.importNode($("ul.others", page).closest("section"), true));
    }
  }

  empty(one) {
    const tall = one.list.offsetHeight;
    one.list.style.height = `${tall}px`;
    one.list.replaceChildren();
    one.filled = false;
  }

  keepPlace(list, change) {
    const above = list.getBoundingClientRect().bottom <= 0;
    const before = list.offsetHeight;
    change();
    if (above) scrollBy(0, list.offsetHeight - before);
  }

  where() {
    if (viewer.open) return;
    const here = this.windows.find((one) => one.list.getBoundingClientRect().bottom > innerHeight / 3);
    if (here && here.page !== this.number) {
      this.number = here.page;
      history.replaceState(history.state, "", this.address(here.page));
    }
  }

  /* The page that has the picture of that number. */
  pageOf(number) { return Math.floor((Number(body.dataset.before) + number - 1) / body.dataset.each) + 1; }

  reveal(way) {
    const url = new URL(way);
    const tile = document.getElementById(url.hash.slice(1));
    if (tile) {
      tile.scrollIntoView({ block: "nearest" });
      $("a", tile).focus({ preventScroll: true });
      return;
    }
    const page = Number(url.searchParams.get("page") ?? 1);
    const one = this.windows.find((each) => each.page === page);
    if (one) one.list.scrollIntoView();
    else if (page !== this.number) location.assign(way);
  }

  click(event) {
    const link = event.target.closest(".pictures a");
    if (!link) return;
    if (body.classList.contains("choosing")) {
      if (event.button || event.ctrlKey || event.metaKey || event.altKey) return;
      $("input", link.parentElement).dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: event.shiftKey }));
    } else if (plainClick(event)) viewer.show(link.href, "push");
    else return;
    event.preventDefault();
  }

  /* What is new. */

  listen() {
    if (!("EventSource" in window)) return;
    let before = false;
    this.events = new EventSource("./?events");
    this.events.addEventListener("open", () => { if (before) this.renew(); before = true; });
    this.events.addEventListener("change", () => { this.soon ??= setTimeout(() => this.renew(), 400); });
  }

  async renew() {
    this.soon = null;
    let page;
    try {
      page = await pageAt(this.address(this.number));
    } catch {
      return;
    }
    const [main, fresh] = [$("#content"), $("#content", page)];
    const parts = (of) => $$("section", of).map((one) => one.getAttribute("aria-labelledby")).join();
    const grown = page.body.dataset.pages !== body.dataset.pages;
    const summary = $(".summary", page);
    if (summary && $(".summary")) $(".summary").replaceChildren(...document.importNode(summary, true).childNodes);
    const note = $("#content > .note", page);
    $("#content > .note")?.remove();
    if (note) main.prepend(document.importNode(note, true));
    if ("waits" in page.body.dataset) setTimeout(() => this.renew(), 2000);
    if (!grown && parts(main) === parts(fresh) && parts(main)) {
      for (const kind of ["folders", "pictures", "others"]) {
        const list = kind === "pictures" ? this.here() : $(`ul.${kind}`);
        if (list && $(`ul.${kind}`, page)) patch(list, $(`ul.${kind}`, page));
      }
      this.stale();
    } else if (!viewer.open) {
      this.watch?.disconnect();
      this.windows = [];
      Object.assign(body.dataset, page.body.dataset);
      const tools = $(".tools", page);
      if (tools && !$(".tools")) $("header").append(document.importNode(tools, true));
      main.replaceChildren(...document.importNode(fresh, true).childNodes);
      this.list = $("ul.pictures");
      const at = scrollY;
      this.settle();
      if (this.number === 1) scrollTo(0, at);
    }
  }

  here() {
    const one = this.windows.find((each) => each.page === this.number);
    return one ? (one.filled ? one.list : null) : this.list;
  }

  stale() {
    for (const one of this.windows) {
      if (!one.filled || one.page === this.number) continue;
      if (one.near) pageAt(this.address(one.page)).then((page) => $("ul.pictures", page) && patch(one.list, $("ul.pictures", page)), () => {});
      else this.empty(one);
    }
  }
}

/* Pictures that are chosen to be downloaded: some, or all but some. The server knows them by their boxes' values. */
class Choice {
  constructor(folder) {
    this.folder = folder;
    this.all = false; // then `named` are those that are not chosen
    this.named = new Set();
    document.addEventListener("click", (event) => this.click(event));
    document.addEventListener("change", (event) => { if (event.target.name === "k") this.put([event.target.value], event.target.checked); });
    document.addEventListener("submit", (event) => this.submit(event));
    document.addEventListener("reset", (event) => { if (event.target.matches("form.choice")) setTimeout(() => this.end()); });
  }

  settle() {
    for (const button of $$(".tools .choose, .chosen .every")) button.hidden = false;
    this.last = null;
    this.check(document);
    this.tell();
  }

  has(value) { return this.named.has(value) !== this.all; }

  check(within) {
    for (const box of $$(".pictures input", within)) box.checked = this.has(box.value);
  }

  put(values, chosen) {
    for (const value of values) {
      if (chosen === this.all) this.named.delete(value);
      else this.named.add(value);
    }
    this.tell();
  }

  tell(words) {
    const form = $("form.choice");
    if (!form) return;
    const count = this.all ? Math.max(0, body.dataset.total - this.named.size) : this.named.size;
    form.classList.toggle("some", count > 0 || body.classList.contains("choosing"));
    $(".chosen [role=status]").textContent = words ?? body.dataset.chosen.replace("{}", count);
    $(".chosen button:not([type])").disabled = count === 0;
  }

  click(event) {
    const button = event.target.closest("button");
    if (button?.matches(".choose")) this.begin(!body.classList.contains("choosing"));
    else if (button?.matches(".every")) this.everything();
    else if (event.target.matches(".pictures input")) this.one(event.target, event.shiftKey);
  }

  begin(on) {
    if (!on) return $("form.choice").reset();
    body.classList.add("choosing");
    $(".tools .choose").setAttribute("aria-pressed", true);
    this.tell();
  }

  end() {
    this.all = false;
    this.named.clear();
    body.classList.remove("choosing");
    $(".tools .choose")?.setAttribute("aria-pressed", false);
    this.settle();
  }

  everything() {
    this.all = true;
    this.named.clear();
    this.check(document);
    this.tell();
  }

  one(box, along) {
    const number = numberOf(box.closest("li"));
    if (along && this.last) this.along(Math.min(number, this.last), Math.max(number, this.last), box.checked);
    this.last = number;
  }

  /* All between two, those too that are not on the page at present. */
  async along(first, last, chosen) {
    const within = (tile) => numberOf(tile) >= first && numberOf(tile) <= last;
    const put = (tiles) => this.put(tiles.filter(within).map((tile) => $("input", tile).value), chosen);
    put($$(".pictures > li"));
    this.check(document);
    const of = (number) => this.folder.pageOf(number);
    const away = this.folder.windows.filter((one) => !one.filled && one.page >= of(first) && one.page <= of(last));
    for (const one of away) put($$(".pictures > li", await pageAt(this.folder.address(one.page))));
    this.check(document);
  }

  submit(event) {
    if (!event.target.matches("form.choice")) return;
    event.preventDefault();
    const url = new URL(this.folder.address(1));
    const separator = url.search ? "&" : "?";
    const way = `${url.href}${separator}zip&${this.all ? "but" : "k"}=${[...this.named].join(".")}`;
    if (way.length - url.origin.length > LONGEST) this.tell(body.dataset.toomany);
    else location.assign(way);
  }
}

const numberOf = (tile) => Number(tile.id.slice(1));

/* Make `list` hold what `fresh` does, and leave alone what stays: its pictures need not be loaded again. */
function patch(list, fresh) {
  const held = new Map([...list.children].map((tile) => [$("a", tile).outerHTML.replace(/ data-broken="[^"]*"/, ""), tile]));
  let at = list.firstElementChild;
  for (const tile of [...fresh.children]) {
    const same = held.get($("a", tile).outerHTML);
    held.delete($("a", tile).outerHTML);
    if (same) same.id = tile.id;
    if (same && same === at) at = at.nextElementSibling;
    else list.insertBefore(same ?? document.importNode(tile, true), at);
  }
  for (const gone of held.values()) gone.remove();
}

folder = new Folder();
