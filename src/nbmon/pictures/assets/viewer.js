// What makes the pages pleasant; all that they can do, they can do without. Nothing here makes HTML of a name: pieces
// come from the server, which escapes them, or are set as text.
"use strict";

const body = document.body;
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const plainClick = (event) => event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;

async function pageAt(url) {
  const answer = await fetch(url, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(answer.status);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/* ---- The viewer: one picture above the page of its folder, or alone where its own address was opened. ---- */

const MAX_PAGES_AHEAD = 8; // pages of pictures kept
const MAX_SCALE = 8;

class Viewer {
  constructor() {
    this.alone = $("main.viewer");
    this.shown = this.alone;
    this.informed = location.hash === "#info";
    this.ahead = new Map();
    this.asked = 0;
    if (this.alone) {
      this.place = body;
      this.dress();
    } else {
      this.place = document.createElement("dialog");
      this.place.className = "viewer";
      this.place.tabIndex = -1;
      this.said = Object.assign(document.createElement("p"), { className: "unseen" });
      this.said.setAttribute("role", "status");
      this.place.append(this.said);
      this.place.addEventListener("cancel", (event) => { event.preventDefault(); this.leave(); });
      body.append(this.place);
    }
    addEventListener("popstate", () => this.follow());
    addEventListener("keydown", (event) => this.key(event));
  }

  get open() { return this.alone !== null || this.place.open; }

  fetched(url) {
    const key = new URL(url, location.href).href.replace(/#.*/, "");
    if (!this.ahead.has(key)) {
      const page = pageAt(key);
      page.catch(() => this.ahead.delete(key));
      this.ahead.set(key, page);
      if (this.ahead.size > MAX_PAGES_AHEAD) this.ahead.delete(this.ahead.keys().next().value);
    }
    return this.ahead.get(key);
  }

  async show(url, how) {
    const turn = ++this.asked;
    let page;
    try {
      page = await this.fetched(url);
    } catch {
      location.assign(url); // the browser says what is wrong
      return;
    }
    const fresh = $("main.viewer", page);
    if (turn !== this.asked || !fresh) return;
    if (how === "push") history.pushState({ over: true }, "", url);
    if (how === "replace") history.replaceState(history.state, "", url);
    const focused = this.shown?.contains(document.activeElement) ? document.activeElement.className : "";
    const piece = document.importNode(fresh, true);
    if (this.shown) this.shown.replaceWith(piece);
    else this.place.append(piece);
    this.shown = piece;
    this.title ??= document.title;
    document.title = page.title;
    if (!this.alone) {
      this.place.setAttribute("aria-label", page.title);
      if (!this.place.open) {
        this.place.showModal();
        this.place.focus();
      }
      this.said.textContent = `${page.title}, ${$(".nth", piece).textContent}`;
    }
    this.dress();
    if (focused) ([...piece.querySelectorAll("a, button")].find((one) => one.className === focused) ?? this.place).focus?.();
  }

  dress() {
    const { shown } = this;
    shown.classList.toggle("informed", this.informed);
    shown.classList.toggle("swipes", matchMedia("(pointer: coarse)").matches);
    $(".full", shown).hidden = !document.fullscreenEnabled;
    const info = $(".info", shown);
    info.setAttribute("role", "button");
    info.setAttribute("aria-expanded", this.informed);
    shown.addEventListener("click", (event) => this.click(event));
    const image = $("figure img", shown);
    if (image) {
      this.meanwhile(image);
      image.addEventListener("error", () => this.fail(image), { once: true });
      if (image.complete && !image.naturalWidth && image.currentSrc) this.fail(image);
      new Touch(this, $("figure", shown), image);
    }
    for (const way of $$("a[rel]", shown)) this.fetched(way.href).catch(() => {});
    this.near = $$("img", $("template", shown).content).map((one) => {
      const ready = new Image();
      ready.sizes = one.sizes;
      ready.srcset = one.srcset;
      ready.src = one.getAttribute("src");
      return ready;
    });
  }

  /* Until it has come, the one that the folder's page has already stands for it, at the size that it will have. */
  meanwhile(image) {
    const small = this.alone ? null : $$(".pictures a img").find((one) => one.parentElement.href === location.href);
    if (!small?.complete || !small.naturalWidth || image.complete || !image.width) return;
    const { clientWidth, clientHeight } = image.parentElement;
    const [wide, tall] = [image.getAttribute("width"), image.getAttribute("height")];
    const whole = wide <= clientWidth && tall <= clientHeight;
    image.style.background = `url("${small.currentSrc.replace(/"/g, "%22")}") center / ${whole ? `${wide}px ${tall}px` : "contain"} no-repeat`;
    image.addEventListener("load", () => { image.style.background = ""; }, { once: true });
  }

  fail(image) {
    image.remove();
    $("figure .broken", this.shown).hidden = false;
  }

  turn(where) {
    const to = where === "first" || where === "last" ? this.shown.dataset[where] : $(`.turn.${where}`, this.shown)?.href;
    if (to) this.show(to, "replace");
  }

  click(event) {
    const target = event.target.closest("a, button");
    if (!target || !plainClick(event)) return;
    if (target.classList.contains("info")) this.inform();
    else if (target.classList.contains("full")) this.fill();
    else if (target.classList.contains("up")) this.leave();
    else if (target.classList.contains("turn")) this.show(target.href, "replace");
    else return;
    event.preventDefault();
  }

  key(event) {
    if (!this.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("video, input")) return;
    const does = {
      ArrowLeft: () => this.turn("previous"), ArrowRight: () => this.turn("next"),
      Home: () => this.turn("first"), End: () => this.turn("last"),
      Escape: () => this.leave(), f: () => this.fill(), i: () => this.inform(),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  }

  inform() {
    this.informed = !this.informed;
    this.shown.classList.toggle("informed", this.informed);
    $(".info", this.shown).setAttribute("aria-expanded", this.informed);
  }

  fill() {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen?.().catch(() => {});
  }

  leave() {
    if (this.alone) location.assign($(".up", this.shown).href);
    else if (history.state?.over) history.back();
    else this.close();
  }

  close() {
    const way = $(".up", this.shown).href;
    this.asked++;
    this.place.close();
    this.shown.remove();
    this.shown = null;
    document.title = this.title;
    folder?.reveal(way);
  }

  follow() {
    const wanted = new URLSearchParams(location.search).has("view");
    if (wanted) this.show(location.href);
    else if (!this.alone && this.open) this.close();
  }
}

/* Swipe to turn, pull down to leave, pinch or double tap to look closer. */
class Touch {
  constructor(viewer, figure, image) {
    Object.assign(this, { viewer, figure, image, scale: 1, x: 0, y: 0, points: new Map() });
    figure.addEventListener("pointerdown", (event) => this.down(event));
    figure.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) figure.addEventListener(end, (event) => this.up(event));
    figure.addEventListener("dblclick", (event) => this.zoom(this.scale > 1 ? 1 : 2.5, event.clientX, event.clientY));
    figure.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  down(event) {
    if (event.button) return;
    this.figure.setPointerCapture(event.pointerId);
    this.points.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.points.size === 1) this.from = { x: event.clientX, y: event.clientY };
    this.pinched = this.points.size > 1;
  }

  move(event) {
    const last = this.points.get(event.pointerId);
    if (!last) return;
    const before = this.spread();
    this.points.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const after = this.spread();
    if (after) this.zoom(this.scale * after.wide / before.wide, after.x, after.y);
    if (this.scale > 1 || after) {
      this.x += (event.clientX - last.x) / this.points.size;
      this.y += (event.clientY - last.y) / this.points.size;
    } else if (!this.pinched) {
      this.x = event.clientX - this.from.x;
      this.y = Math.max(0, event.clientY - this.from.y);
      if (Math.abs(this.x) > this.y) this.y = 0;
      else this.x = 0;
    }
    this.place();
  }

  spread() {
    if (this.points.size !== 2) return null;
    const [a, b] = this.points.values();
    return { wide: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  }

  up(event) {
    if (!this.points.delete(event.pointerId) || this.points.size) return;
    const { x, y } = this;
    if (this.scale > 1) return;
    this.x = this.y = 0;
    this.place();
    if (this.pinched || event.type === "pointercancel") return;
    if (Math.abs(x) > Math.min(90, innerWidth / 5)) this.viewer.turn(x < 0 ? "next" : "previous");
    else if (y > 110) this.viewer.leave();
  }

  wheel(event) {
    event.preventDefault();
    if (event.ctrlKey || this.scale > 1) this.zoom(this.scale * Math.exp(-event.deltaY / 300), event.clientX, event.clientY);
  }

  zoom(to, atX, atY) {
    const scale = Math.min(MAX_SCALE, Math.max(1, to));
    const box = this.figure.getBoundingClientRect();
    const [midX, midY] = [atX - box.left - box.width / 2, atY - box.top - box.height / 2];
    this.x = scale === 1 ? 0 : midX - (midX - this.x) * scale / this.scale;
    this.y = scale === 1 ? 0 : midY - (midY - this.y) * scale / this.scale;
    this.scale = scale;
    if (this.image.srcset && scale > 1) this.image.sizes = `${Math.round(100 * scale)}vw`;
    this.place();
  }

  place() {
    this.image.classList.toggle("zoomed", this.scale > 1);
    this.image.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
  }
}

let folder = null; // folder.js makes it, on the page of one
const viewer = new Viewer();
