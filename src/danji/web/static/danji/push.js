// "이 기기로 알림 받기": asks the browser for a subscription and hands it to us.
"use strict";
(() => {
  const form = document.getElementById("push");
  if (!form) return;
  const button = form.querySelector("button");
  const place = document.getElementById("push-said");
  const say = (words, bad = false) => {
    place.textContent = words;
    place.classList.toggle("error", bad);
  };
  const bytes = (text) => {
    const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
  };
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  if (!("serviceWorker" in navigator) || !("PushManager" in window)) {
    button.hidden = true;
    say("이 브라우저는 기기 알림을 받을 수 없습니다. 아이폰에서는 이 화면을 홈 화면에 추가한 뒤 거기서 열어 주세요.");
    return;
  }

  // Whose subscription the browser holds, so that nobody is shown what somebody else is told.
  const OWNER = "danji-push-person";
  const subscribe = async () => {
    const registration = await navigator.serviceWorker.register(form.dataset.worker);
    await navigator.serviceWorker.ready;
    let held = await registration.pushManager.getSubscription();
    if (held && localStorage.getItem(OWNER) !== form.dataset.person) {
      await held.unsubscribe();
      held = null;
    }
    held ??= await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: bytes(form.dataset.key),
    });
    const body = new FormData(form);
    body.set("endpoint", held.endpoint);
    body.set("public_key", text(held.getKey("p256dh")));
    body.set("auth", text(held.getKey("auth")));
    const answer = await fetch(form.action, { method: "POST", body, redirect: "error" });
    const said = await answer.json();
    if (!answer.ok) {
      await held.unsubscribe();
      say(`${said.fact} ${said.next_step}`, true);
      return;
    }
    localStorage.setItem(OWNER, form.dataset.person);
    say(`이제 이 기기(${said.device})로 알려 드립니다.`);
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      if ((await Notification.requestPermission()) === "granted") {
        await subscribe();
      } else {
        say("브라우저가 알림을 막고 있습니다. 주소창 왼쪽의 단추에서 알림을 허용한 뒤 다시 눌러 주세요.", true);
      }
    } catch {
      say("알림을 켜지 못했습니다. 인터넷 연결을 확인하신 뒤 다시 눌러 주세요.", true);
    }
    button.disabled = false;
  });
})();
