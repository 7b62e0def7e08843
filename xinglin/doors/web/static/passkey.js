// Passkeys: asks the browser to make or show one, and sends its answer with the form it stands in.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function options(form) {
  const given = JSON.parse(form.dataset.options);
  given.challenge = bytes(given.challenge);
  if (given.user) given.user.id = bytes(given.user.id);
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    given[list] = (given[list] ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
  }
  return { publicKey: given };
}

function told(credential) {
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[part]) response[part] = text(credential.response[part]);
  }
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
}

async function ask(event) {
  const form = event.currentTarget;
  if (form.elements.answer.value) return;
  event.preventDefault();
  const notice = form.querySelector(".x-passkey-told");
  notice.textContent = "";
  try {
    const wanted = options(form);
    const shown = form.dataset.passkey === "create" ? await navigator.credentials.create(wanted) : await navigator.credentials.get(wanted);
    form.elements.answer.value = told(shown);
    form.submit();
  } catch {
    notice.textContent = form.dataset.failed;
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (window.PublicKeyCredential) {
    form.hidden = false;
    form.addEventListener("submit", ask);
  }
}
