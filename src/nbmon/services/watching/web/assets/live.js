// Brings the table up to date each second while it is seen. Only what has changed is touched, so that a
// selection, the focus and a press of a button survive. Without this script the page works by itself.
"use strict";

const EACH = 1000; // milliseconds
const LATER = 3000; // after a failure
const dialog = document.getElementById("ask");
const lost = document.getElementById("lost");
let pressed = false;

const keysOf = (main) => Array.from(main.querySelectorAll("tr[data-key]"), (row) => row.dataset.key).join("\n");
const partsOf = (place) => place.querySelectorAll("[data-live], a[href], th[aria-sort], .fold");

function patch(before, now) {
  if (before.textContent !== now.textContent && before.childElementCount === 0) before.textContent = now.textContent;
  for (const name of ["class", "href", "title", "aria-label", "aria-sort"]) {
    const value = now.getAttribute(name);
    if (value === null) before.removeAttribute(name);
    else if (before.getAttribute(name) !== value) before.setAttribute(name, value);
  }
}

function bringUpToDate(now) {
  const before = document.getElementById("live");
  const old = partsOf(before);
  const fresh = partsOf(now);
  if (keysOf(before) === keysOf(now) && old.length === fresh.length) {
    old.forEach((part, at) => patch(part, fresh[at]));
  } else if (!pressed) {
    const focused = before.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    const scrolled = before.querySelector(".scroll")?.scrollLeft ?? 0;
    before.replaceWith(document.adoptNode(now));
    const scroll = now.querySelector(".scroll");
    if (scroll) scroll.scrollLeft = scrolled;
    if (focused) now.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
  }
}

async function pageAt(address) {
  const answer = await fetch(address, { cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

async function turn() {
  let pause = EACH;
  if (!document.hidden && !dialog.open) {
    try {
      bringUpToDate((await pageAt("rows" + location.search)).getElementById("live"));
      lost.hidden = true;
    } catch {
      lost.hidden = false;
      pause = LATER;
    }
  }
  setTimeout(turn, pause);
}

async function ask(address) {
  const form = (await pageAt(address)).querySelector("form");
  dialog.replaceChildren(document.adoptNode(form));
  form.querySelector("[data-no]").addEventListener("click", (event) => {
    event.preventDefault();
    dialog.close();
  });
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-ask]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  ask(link.href).catch(() => location.assign(link.href));
});
document.addEventListener("pointerdown", () => { pressed = true; });
for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => { setTimeout(() => { pressed = false; }, 50); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) pageAt("rows" + location.search).then((page) => bringUpToDate(page.getElementById("live")), () => {}); });
setTimeout(turn, EACH);
