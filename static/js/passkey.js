// Asks the browser for a passkey and sends its answer with the form around it. Words come from the template (data- attributes).

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// Browsers from before 2023 to 2025 know neither parse…OptionsFromJSON nor toJSON.
const listed = (ones = []) => ones.map((one) => ({ ...one, id: toBytes(one.id) }));
const read = {
  create: (given) =>
    PublicKeyCredential.parseCreationOptionsFromJSON?.(given) ?? {
      ...given,
      challenge: toBytes(given.challenge),
      user: { ...given.user, id: toBytes(given.user.id) },
      excludeCredentials: listed(given.excludeCredentials),
    },
  get: (given) =>
    PublicKeyCredential.parseRequestOptionsFromJSON?.(given) ?? {
      ...given,
      challenge: toBytes(given.challenge),
      allowCredentials: listed(given.allowCredentials),
    },
};

const BUFFERS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
const written = (credential) => {
  const response = {};
  for (const name of BUFFERS) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  const transports = credential.response.getTransports?.();
  if (transports) response.transports = transports;
  return { id: credential.id, rawId: toText(credential.rawId), type: credential.type, response };
};
const asJson = (credential) => {
  try {
    return credential.toJSON();
  } catch {
    return written(credential); // absent, or broken by the extension of a password manager
  }
};

// What the person reads: by the name of the browser's error, else that it was given up or took too long.
const sentenceOf = (form, error) => form.dataset[`error${error?.name ?? ""}`] ?? form.dataset.errorNotAllowedError;

for (const note of document.querySelectorAll(".without-scripts")) note.remove();

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const note = form.querySelector("[data-passkey-note]");
  const button = form.querySelector("[data-passkey-button]");
  const field = form.elements.namedItem("credential");
  note.setAttribute("role", "alert");
  const say = (text) => {
    note.querySelector("span").textContent = text;
    note.hidden = !text;
  };
  const rest = () => {
    button.disabled = false;
    form.removeAttribute("aria-busy");
  };
  if (!window.PublicKeyCredential || !navigator.credentials) {
    say(form.dataset.errorUnsupported);
    continue;
  }
  const way = form.dataset.passkey; // create or get
  let sent = false;
  const ask = async () => {
    say("");
    button.disabled = true;
    form.setAttribute("aria-busy", "true");
    try {
      const publicKey = read[way](JSON.parse(form.dataset.options));
      const credential = await navigator.credentials[way]({ publicKey });
      field.value = JSON.stringify(asJson(credential));
    } catch (error) {
      rest();
      say(sentenceOf(form, error));
      return;
    }
    sent = true;
    form.removeAttribute("aria-busy");
    form.submit();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!sent && !button.disabled) ask();
  });
  // The page that the back button brings again is usable again, and asks nothing by itself.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    sent = false;
    rest();
  });
  button.hidden = false;
  const [navigation] = performance.getEntriesByType("navigation");
  if ("auto" in form.dataset && navigation?.type !== "back_forward") ask();
}
