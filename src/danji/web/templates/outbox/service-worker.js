{# context: none; served at the root, so that it may show what leads to any page of ours #}// Shows what people are told while no page of ours is open. Nothing is kept or fetched here.
"use strict";
self.addEventListener("push", (event) => {
  const told = event.data?.json() ?? {};
  event.waitUntil(
    self.registration.showNotification(told.title ?? "단지 전자결재", {
      body: told.body ?? "새 알림이 있습니다.",
      tag: told.tag,
      lang: "ko",
      data: { url: told.url ?? "" },
    }),
  );
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const wanted = new URL(event.notification.data.url || "/desk/", self.location.origin);
  const url = wanted.origin === self.location.origin ? wanted.href : self.location.origin + "/desk/";
  event.waitUntil(self.clients.openWindow(url));
});
