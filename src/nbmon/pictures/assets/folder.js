// The page of a folder: its pages follow each other as one scrolls, pictures are chosen, and what is new is shown.
// Comes after viewer.js, whose words it uses.
"use strict";

const AROUND = 400; // pages before and after this one that become windows: browsers bound a page's height
const KEPT = 6; // windows that stay filled, besides those near the screen

class Folder {
  constructor() {
    this.chosen = new Set();
    this.windows = [];
    this.list = $("ul.pictures");
    this.settle();
    document.addEventListener("error", (event) => this.fail(event.target), true);
    for (const image of $$("img")) if (image.complete && !image.naturalWidth && image.currentSrc) this.fail(image);
    document.addEventListener("click", (event) => this.click(event));
    document.addEventListener("change", (event) => this.choose(event.target));
    document.addEventListener("submit", (event) => this.submit(event));
    document.addEventListener("reset", () => setTimeout(() => this.none()));
    this.listen();
    addEventListener("pagehide", () => this.events?.close());
    addEventListener("pageshow", (event) => { if (event.persisted) { this.listen(); this.renew(); } });
  }

  settle() {
    const button = $(".tools .choose");
    if (button) button.hidden = false;
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
    for (const box of $$("input", one.list)) box.checked = this.chosen.has(box.value);
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

  /* Choosing and downloading. */

  click(event) {
    const button = event.target.closest(".choose");
    if (button) {
      const on = body.classList.toggle("choosing");
      button.setAttribute("aria-pressed", on);
      if (!on) $("form.choice").reset();
      return;
    }
    const link = event.target.closest(".pictures a");
    if (!link || !plainClick(event)) return;
    event.preventDefault();
    const box = link.parentElement.querySelector("input");
    if (body.classList.contains("choosing")) box.click();
    else viewer.show(link.href, "push");
  }

  choose(box) {
    if (box.name !== "n") return;
    if (box.checked) this.chosen.add(box.value);
    else this.chosen.delete(box.value);
    $("form.choice").classList.toggle("some", this.chosen.size > 0);
    $(".chosen [role=status]").textContent = body.dataset.chosen.replace("{}", this.chosen.size);
  }

  none() {
    this.chosen.clear();
    $("form.choice")?.classList.remove("some");
    body.classList.remove("choosing");
    $(".tools .choose")?.setAttribute("aria-pressed", false);
  }

  submit(event) {
    if (!event.target.matches("form.choice")) return;
    event.preventDefault();
    const url = `./?zip=${[...this.chosen].map((name) => `&n=${encodeURIComponent(name)}`).join("")}`;
    if (url.length > 7500) $(".chosen [role=status]").textContent = body.dataset.toomany;
    else location.assign(url);
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
