// Forms that keep what is typed. `data-guard`: asks before typed text is left behind. `data-draft="name"`: keeps a draft in this tab
// until the form is sent and answered, or someone else signs in here. In the large view for elders nothing asks: drafts are kept instead.

const DRAFT = "draft:", WAIT_MS = 400;
const store = sessionStorage;
const who = document.body.dataset.who ?? "";
const elder = document.documentElement.classList.contains("x-elder");
const changed = new Set(); // forms with text that is nowhere else
let allowed = false; // the person chose to leave

function forget() {
  for (const key of Object.keys(store)) if (key.startsWith(DRAFT)) store.removeItem(key);
}

if (store.getItem("who") !== who) {
  forget();
  store.setItem("who", who);
}

const keyOf = (form) => DRAFT + form.dataset.draft;
const drafts = (form) => Boolean(form.dataset.draft);
const kept = (field) => field.name && !["hidden", "password", "file", "submit", "button"].includes(field.type) && !("private" in field.dataset);

function read(form) {
  return [...form.elements].filter(kept).map((field) => [field.name, field.value, field.checked ?? null]);
}

function write(form, values) {
  const fields = [...form.elements].filter(kept);
  values.forEach(([name, value, checked], place) => {
    const field = fields[place];
    if (field?.name !== name) return;
    if (field.type === "checkbox" || field.type === "radio") field.checked = checked;
    else field.value = value;
  });
}

const timers = new WeakMap();

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form?.matches("[data-guard], [data-draft]")) return;
  changed.add(form);
  if (!drafts(form)) return;
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(() => save(form), WAIT_MS));
});

function save(form) {
  if (changed.has(form) && form.isConnected) store.setItem(keyOf(form), JSON.stringify({ page: location.pathname, values: read(form) }));
}

addEventListener("pagehide", () => [...changed].filter(drafts).forEach(save));

// after a failed sending the person comes back by the browser's own ways: then nothing was taken
const cameBack = () => ["back_forward", "reload"].includes(performance.getEntriesByType("navigation")[0]?.type);

function restore() {
  for (const key of Object.keys(store).filter((one) => one.startsWith(DRAFT))) {
    const draft = JSON.parse(store.getItem(key));
    const form = [...document.querySelectorAll("form[data-draft]")].find((one) => keyOf(one) === key);
    if (draft.sent && !cameBack()) {
      if (!form?.querySelector("[aria-invalid=true]")) store.removeItem(key); // it was taken
      else changed.add(form), save(form); // it came back with what was typed
    } else if (form && draft.page === location.pathname && JSON.stringify(read(form)) !== JSON.stringify(draft.values)) {
      const before = read(form);
      write(form, draft.values);
      changed.add(form);
      tell(form, key, before);
    }
  }
}

function tell(form, key, before) {
  const notice = document.getElementById("notice");
  if (!notice) return;
  const line = document.createElement("div");
  line.className = "alert alert-info";
  const drop = document.createElement("button");
  drop.type = "button";
  drop.className = "btn";
  drop.textContent = notice.dataset.drop;
  drop.addEventListener("click", () => {
    store.removeItem(key);
    write(form, before);
    changed.delete(form);
    notice.replaceChildren();
  });
  line.append(notice.dataset.kept, " ", drop);
  notice.replaceChildren(line);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("action") === "/sign-out") forget();
  if (!changed.has(form)) return;
  if (drafts(form)) store.setItem(keyOf(form), JSON.stringify({ page: location.pathname, values: read(form), sent: true }));
  changed.delete(form);
});

const unsaved = () => [...changed].some((form) => form.isConnected && "guard" in form.dataset && !(elder && drafts(form)));

addEventListener("beforeunload", (event) => {
  if (!allowed && unsaved()) event.preventDefault();
});

async function mayLeave() {
  const dialog = document.getElementById("leave");
  dialog.returnValue = "stay";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  allowed = dialog.returnValue === "leave";
  if (allowed) {
    for (const form of changed) if (drafts(form)) store.removeItem(keyOf(form));
    changed.clear();
  }
  return allowed;
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a[href]");
  const inPlace = !link || link.target || link.origin !== location.origin || event.ctrlKey || event.metaKey || event.shiftKey;
  if (inPlace || link.getAttribute("href").startsWith("#") || !unsaved()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (await mayLeave()) location.assign(link.href);
}, true);

document.addEventListener("htmx:confirm", async (event) => {
  const { elt, target, issueRequest } = event.detail;
  const lost = [...changed].some((form) => target?.contains(form) && form !== elt && !form.contains(elt));
  if (!lost || !unsaved()) return;
  event.preventDefault();
  if (await mayLeave()) issueRequest(true);
});

restore();
