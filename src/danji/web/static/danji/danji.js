// Danji's own script. Every page works without it: it adds up tables, groups digits, and keeps what was typed.
"use strict";
(() => {
  const number = (text) => {
    const digits = text.replace(/[,\s원]/g, "");
    return /^-?\d+$/.test(digits) ? Number(digits) : null;
  };
  const grouped = (value) => value.toLocaleString("ko-KR");
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Sums: quantity × unit price in a row, the foot of a table, and fields computed from both.
  const multiply = (row) => {
    for (const cell of all("[data-product]", row)) {
      const factors = cell.dataset.product.split(" ").map((name) => {
        const input = row.querySelector(`[data-column="${name}"]`);
        return input ? number(input.value) : null;
      });
      const known = factors.every((factor) => factor !== null);
      cell.textContent = known ? grouped(factors.reduce((product, factor) => product * factor, 1)) : "";
    }
  };
  const column = (table, name) =>
    all(`tbody [data-column="${name}"]`, table).reduce((sum, cell) => sum + (number(cell.value) ?? 0), 0);
  // "sum items amount", "add supply vat", "vat supply": as in the form's definition.
  const value = (name) => {
    const field = document.getElementById(`f-${name}`);
    if (!field) return 0;
    const typed = field.dataset.computed ? null : number(field.value);
    if (typed !== null) return typed;
    const rule = field.dataset.computed ?? (field.value.trim() ? null : field.dataset.whenBlank);
    return rule ? compute(rule) : 0;
  };
  const compute = (rule) => {
    const [operation, ...of] = rule.split(" ");
    if (operation === "sum") return column(document.getElementById(`f-${of[0]}`), of[1]);
    if (operation === "vat") return Math.trunc(value(of[0]) / 10);
    return of.reduce((sum, name) => sum + value(name), 0);
  };
  const addUp = () => {
    for (const table of all("[data-table]")) {
      for (const total of all("[data-total]", table)) {
        total.textContent = grouped(column(table, total.dataset.total));
      }
    }
    for (const input of all("[data-when-blank]")) input.placeholder = grouped(compute(input.dataset.whenBlank));
    for (const output of all("[data-computed]")) output.textContent = grouped(compute(output.dataset.computed));
  };
  document.addEventListener("input", (event) => {
    const row = event.target.closest("[data-table] tr");
    if (row) multiply(row);
    addUp();
  });
  addUp();
  document.addEventListener("focusout", (event) => {
    if (!("money" in event.target.dataset)) return;
    const value = number(event.target.value);
    if (value !== null) event.target.value = grouped(value);
  });

  // Keeping what was typed: htmx saves the form; here it is said, and nobody leaves in between.
  const form = document.getElementById("draft");
  const saved = document.getElementById("saved");
  if (form && saved) {
    const autosave = document.getElementById("autosave");
    let dirty = false;
    let leaving = false;
    let underway = 0;
    let waiting = null;
    const say = (words, bad = false) => {
      saved.textContent = words;
      saved.classList.toggle("error", bad);
    };
    document.addEventListener("input", () => {
      dirty = true;
    });
    document.addEventListener("htmx:beforeRequest", (event) => {
      if (leaving) {
        event.preventDefault();
        return;
      }
      underway += 1;
      if (event.detail.elt === autosave) {
        dirty = false;
        say("저장하는 중입니다");
      }
    });
    document.addEventListener("htmx:afterRequest", (event) => {
      underway -= 1;
      if (!event.detail.successful || event.detail.xhr.status >= 400) dirty = true;
      if (underway === 0 && waiting) {
        const press = waiting;
        waiting = null;
        press();
      }
    });
    const lost = () => say("저장하지 못했습니다. 인터넷 연결을 확인하신 뒤 ‘저장’을 눌러 주세요.", true);
    document.addEventListener("htmx:sendError", lost);
    document.addEventListener("htmx:responseError", lost);
    // A save under way carries the revision this press would repeat, so the press waits for its answer.
    form.addEventListener("submit", (event) => {
      if (underway > 0) {
        event.preventDefault();
        const button = event.submitter;
        waiting = () => form.requestSubmit(button);
        return;
      }
      dirty = false;
      leaving = true;
    });
    window.addEventListener("pageshow", () => {
      leaving = false;
    });
    window.addEventListener("beforeunload", (event) => {
      if (dirty) event.preventDefault();
    });
  }

  document.addEventListener("allauth.error", (event) => {
    const place = document.getElementById("passkey-error");
    if (!place) return;
    event.preventDefault();
    place.textContent = "패스키를 쓰지 못했습니다. 다시 한 번 해 보시거나 메일로 로그인해 주세요.";
  });

  // Where the eyes go next.
  document.addEventListener("htmx:afterSettle", (event) => {
    const pressed = event.detail.requestConfig?.elt;
    const table = pressed?.name && document.getElementById(pressed.getAttribute("hx-target")?.slice(1));
    if (!table) return;
    const rows = all("tbody tr", table);
    const next = pressed.name.endsWith("-add") ? rows.at(-1)?.querySelector("input") : table.querySelector("[name$='-add']");
    next?.focus();
    addUp();
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target?.id === "decision") document.getElementById("decision")?.focus();
  });
  document.getElementById("problems")?.focus();

  // Several documents at once: how many are marked is said before anything is signed.
  const several = document.getElementById("several");
  if (several) {
    const said = document.getElementById("several-count");
    const count = () => {
      const marked = all("[name=item]:checked", several).length;
      said.textContent = marked ? `${marked}건을 골랐습니다.` : "표시한 문서만 결재합니다.";
    };
    several.addEventListener("change", count);
    count();
  }

  // Keys for those who decide all day. None of them decides: they only lead to what is pressed.
  const help = () => {
    const old = document.querySelector(".keys-help");
    if (old) {
      old.showModal();
      return;
    }
    const dialog = document.createElement("dialog");
    dialog.className = "keys-help";
    dialog.setAttribute("aria-labelledby", "keys-title");
    const title = document.createElement("h2");
    title.id = "keys-title";
    title.textContent = "글쇠로 움직이기";
    const list = document.createElement("dl");
    const keys = [
      ["j", "다음 문서"],
      ["k", "앞 문서"],
      ["Enter", "고른 문서 열기"],
      ["/", "찾기"],
      ["a", "승인 단추로 가기(누르지는 않음)"],
      ["n", "다음 문서 결재하기로 가기"],
      ["?", "이 도움말"],
    ];
    for (const [key, what] of keys) {
      const term = document.createElement("dt");
      const kbd = document.createElement("kbd");
      kbd.textContent = key;
      term.append(kbd);
      const said = document.createElement("dd");
      said.textContent = what;
      list.append(term, said);
    }
    const form = document.createElement("form");
    form.method = "dialog";
    const close = document.createElement("button");
    close.className = "krds-btn large primary";
    close.textContent = "닫기";
    form.append(close);
    dialog.append(title, list, form);
    document.body.append(dialog);
    dialog.showModal();
  };
  const move = (step) => {
    const links = all("[data-keys-list] .row-link");
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step;
    links[Math.min(Math.max(next, 0), links.length - 1)].focus();
  };
  const look = () => {
    const search = document.querySelector("[data-keys-search]");
    if (!search) return;
    search.closest("details")?.setAttribute("open", "");
    search.focus();
  };
  const lead = (selector) => {
    const target = document.querySelector(selector);
    target?.scrollIntoView({ block: "center" });
    target?.focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    const does = {
      j: () => move(1),
      k: () => move(-1),
      "/": look,
      a: () => lead("button[name=decision][value=approve]"),
      n: () => lead("[data-keys-next]"),
      "?": help,
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  });
})();
