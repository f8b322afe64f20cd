// Signing with a passkey: what is signed is frozen by us, signed by the device, and sent with the form.
"use strict";
(() => {
  const bytes = (text) => {
    const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
  };
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  class Refused extends Error {}

  // What the server says to a form. Whatever is no answer of ours (a log-in page, a fault) is told as a fault.
  const ask = async (address, body) => {
    const headers = { Accept: "application/json" };
    const answer = await fetch(address, { method: "POST", body, headers, redirect: "error" });
    const said = await answer.json();
    if (answer.ok) return said;
    throw Object.assign(new Refused(said.fact), { nextStep: said.next_step });
  };

  const say = (form, fact, nextStep) => {
    const place = form.querySelector("[data-sign-refusal]");
    place.replaceChildren();
    if (!fact) return;
    const notice = document.createElement("div");
    notice.className = "notice bad";
    for (const [words, name] of [[fact, "fact"], [nextStep, ""]]) {
      const line = document.createElement("p");
      line.textContent = words;
      line.className = name;
      notice.append(line);
    }
    place.append(notice);
    place.scrollIntoView({ block: "center" });
  };
  const explain = (form, problem) => {
    if (problem instanceof Refused) say(form, problem.message, problem.nextStep);
    else if (problem.name === "NotAllowedError")
      say(form, "기기에서 확인을 마치지 않았습니다. 아무것도 서명하지 않았습니다.", "다시 눌러 주세요. 등록한 기기가 옆에 있어야 합니다.");
    else if (problem.name === "InvalidStateError")
      say(form, "이 기기는 이미 등록되어 있습니다.", "다른 기기를 등록하시거나 그대로 쓰시면 됩니다.");
    else say(form, "서버의 답을 받지 못했습니다. 아무것도 서명하지 않았습니다.", "인터넷 연결을 확인하신 뒤 화면을 새로 열어 다시 눌러 주세요.");
  };

  const add = (form, name, value) => {
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name, value });
    input.dataset.added = "";
    form.append(input);
  };
  const busy = (form, is) => {
    form.dataset.busy = is ? "1" : "";
    form.querySelector("[data-sign-status]").hidden = !is;
    for (const button of form.elements) if (button.type === "submit") button.setAttribute("aria-disabled", String(is));
  };
  const clear = (form) => {
    for (const input of form.querySelectorAll("[data-added]")) input.remove();
    busy(form, false);
  };

  const sign = async (form, button) => {
    const body = new FormData(form);
    body.set("decision", button.value);
    const offer = await ask(form.dataset.statement, body);
    const credential = await navigator.credentials.get({
      publicKey: {
        challenge: bytes(offer.challenge),
        rpId: offer.rp_id,
        allowCredentials: offer.allow.map((id) => ({ type: "public-key", id: bytes(id) })),
        userVerification: "required",
      },
    });
    add(form, "decision", button.value);
    add(form, "stated_at", offer.stated_at);
    for (const item of offer.signed) add(form, "signed", item);
    add(form, "id", text(credential.rawId));
    add(form, "client_data", text(credential.response.clientDataJSON));
    add(form, "authenticator_data", text(credential.response.authenticatorData));
    add(form, "signature", text(credential.response.signature));
  };

  const register = async (form) => {
    const { publicKey } = await ask(form.dataset.register, new FormData(form));
    const made = await navigator.credentials.create({
      publicKey: {
        ...publicKey,
        challenge: bytes(publicKey.challenge),
        user: { ...publicKey.user, id: bytes(publicKey.user.id) },
        excludeCredentials: (publicKey.excludeCredentials ?? []).map((known) => ({ ...known, id: bytes(known.id) })),
      },
    });
    const response = {
      id: made.id,
      rawId: text(made.rawId),
      type: made.type,
      response: {
        clientDataJSON: text(made.response.clientDataJSON),
        attestationObject: text(made.response.attestationObject),
      },
      clientExtensionResults: made.getClientExtensionResults(),
    };
    add(form, "response", JSON.stringify(response));
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    // Who chose a certificate does not sign with the device: the form goes as it is.
    const by = form.elements.way?.value ? "certificate" : form.dataset.sign;
    const ceremony = by === "passkey" ? sign : form.dataset.register ? register : null;
    if (!ceremony) return;
    event.preventDefault();
    if (form.dataset.busy) return;
    say(form, "");
    busy(form, true);
    try {
      await ceremony(form, event.submitter);
      form.submit();
    } catch (problem) {
      clear(form);
      explain(form, problem);
      // Most often it is the reason that is lacking.
      if (problem instanceof Refused && form.elements.opinion?.value.trim() === "") form.elements.opinion.focus({ preventScroll: true });
    }
  });
  // Coming back to the page, the browser shows it as it was left: with a signature that is used up.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("[data-sign='passkey'], [data-register]")) clear(form);
  });
})();
