// What pages do beyond htmx: keys, the document panel, charts when there are any, numbers in the bar, a word when the connection is gone.

import "./finding.js";
import "./forms.js";

const SIGNALS_EVERY_MS = 60_000;

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const drop of document.querySelectorAll("details.x-drop[open]")) {
      drop.open = false;
      drop.querySelector("summary").focus();
    }
    closeDocument();
  }
});

document.addEventListener("click", (event) => {
  for (const drop of document.querySelectorAll("details.x-drop[open]")) {
    if (!drop.contains(event.target)) drop.open = false;
  }
  const close = event.target.closest("[data-close]");
  if (close && close.closest("#document")) {
    event.preventDefault();
    closeDocument();
  }
});

let hint = null; // what the panel showed before the first document
let opener = null; // the link the open document came from
let before = null; // the address of the page without a document

function closeDocument() {
  const panel = document.getElementById("document");
  if (!panel || !hint || panel.contains(hint)) return;
  panel.replaceChildren(hint);
  if (before) history.replaceState({ htmx: true }, "", before);
  opener?.removeAttribute("aria-current");
  opener?.focus();
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const shown = event.detail.target?.id === "document" && event.detail.target.querySelector(".x-document-hint");
  if (shown) {
    hint = shown;
    before = location.href;
  }
});

document.addEventListener("htmx:afterSwap", (event) => {
  const target = event.detail.target;
  if (target?.id === "document") {
    opener?.removeAttribute("aria-current");
    opener = event.detail.requestConfig?.elt ?? null;
    opener?.setAttribute("aria-current", "true");
    target.scrollTop = 0;
    target.querySelector("[data-close]")?.focus({ preventScroll: true });
  }
  if (!["notice", "signals", "suggestions"].includes(target?.id)) document.getElementById("notice")?.replaceChildren();
  drawTrends(target ?? document);
});

document.addEventListener("htmx:sendError", (event) => {
  const notice = document.getElementById("notice");
  if (!notice || event.detail.elt?.id === "signals") return;
  const alert = document.createElement("div");
  alert.className = "alert alert-danger";
  alert.textContent = notice.dataset.offline;
  notice.replaceChildren(alert);
});

setInterval(() => {
  const signals = document.getElementById("signals");
  if (signals && document.visibilityState === "visible") signals.dispatchEvent(new Event("x-refresh"));
}, SIGNALS_EVERY_MS);

addEventListener("beforeprint", () => {
  const at = document.getElementById("printed-at");
  if (!at) return;
  at.textContent = new Date().toLocaleString(document.documentElement.lang);
  const page = new URLSearchParams({ page: location.pathname + location.search });
  fetch("/printed", { method: "POST", body: page, keepalive: true });
});

async function drawTrends(root) {
  const places = root.querySelectorAll("[data-trend]");
  if (places.length === 0) return;
  const { draw } = await import("./trend.js");
  for (const place of places) draw(place);
}

drawTrends(document);

if (document.querySelector("[data-passkey]")) import("./passkey.js");
