// The bar's search with the keyboard alone: Ctrl-K goes there, arrows choose a suggestion, Enter opens it, Escape leaves.

const seen = (element) => element !== null && element.offsetParent !== null;
const bar = () => document.getElementById("find");
const own = () => document.getElementById("q") ?? document.getElementById("desk");
const options = () => [...document.querySelectorAll("#suggestions [role=option]:not([aria-disabled])")];
let left = null; // where the focus was before Ctrl-K

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, textarea, select");
  const command = event.key === "k" && (event.ctrlKey || event.metaKey);
  if (!command && (event.key !== "/" || typing)) return;
  const box = [command ? bar() : own(), own(), bar()].find((one) => one && seen(one));
  if (!box) return;
  event.preventDefault();
  if (box !== document.activeElement) left = document.activeElement;
  box.focus();
  box.select();
});

bar()?.addEventListener("keydown", (event) => {
  const all = options();
  const at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (all.length === 0) return;
    event.preventDefault();
    choose(all, (at + (event.key === "ArrowDown" ? 1 : all.length + (at < 0 ? 0 : -1))) % all.length);
  } else if (event.key === "Enter" && at >= 0) {
    event.preventDefault();
    all[at].click();
  } else if (event.key === "Escape") {
    event.preventDefault();
    hide();
    event.target.value = "";
    left?.focus?.();
  }
});

function choose(all, at) {
  all.forEach((one, place) => one.setAttribute("aria-selected", String(place === at)));
  bar().setAttribute("aria-activedescendant", all[at].id);
  all[at].scrollIntoView({ block: "nearest" });
}

function hide() {
  document.getElementById("suggestions")?.replaceChildren();
  bar()?.setAttribute("aria-expanded", "false");
  bar()?.removeAttribute("aria-activedescendant");
}

document.addEventListener("htmx:beforeSwap", (event) => {
  // an answer that comes after the person has left or emptied the box shows nothing
  if (event.detail.target?.id === "suggestions" && (document.activeElement !== bar() || !bar().value.trim())) event.detail.shouldSwap = false;
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id !== "suggestions") return;
  bar().removeAttribute("aria-activedescendant");
  bar().setAttribute("aria-expanded", String(event.detail.target.childElementCount > 0));
});

bar()?.addEventListener("input", (event) => {
  if (!event.target.value.trim()) hide();
});

document.addEventListener("focusout", (event) => {
  const form = event.target.closest?.(".x-find");
  if (form && !form.contains(event.relatedTarget)) hide();
});

// a click on a suggestion must not take the focus first, or the list is gone before it is clicked
document.getElementById("suggestions")?.addEventListener("mousedown", (event) => event.preventDefault());
