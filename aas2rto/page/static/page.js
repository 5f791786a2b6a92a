// Keys, marks without leaving the page, and what changes by itself. Everything works without it, but slower.
"use strict";
(function () {
  const body = document.body;
  const $ = (what, within) => (within || document).querySelector(what);
  const all = (what, within) => Array.from((within || document).querySelectorAll(what));
  const store = {
    get(key) { try { return JSON.parse(localStorage.getItem(key)); } catch (error) { return null; } },
    set(key, value) { try { localStorage.setItem(key, value); } catch (error) { /* full, or none */ } },
  };
  let edition = body.dataset.edition;
  let lastUndo = null;

  // -- colours ---------------------------------------------------------------
  function showTheme() {
    const now = document.documentElement.dataset.theme || "";
    all("[data-theme-to]").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.themeTo === now)));
  }
  all("[data-theme-to]").forEach((button) => button.addEventListener("click", () => {
    const root = document.documentElement;
    if (root.dataset.theme === button.dataset.themeTo) delete root.dataset.theme;
    else root.dataset.theme = button.dataset.themeTo;
    store.set("aas2rto-theme", root.dataset.theme || "");
    showTheme();
  }));
  showTheme();

  // -- columns, and the time of a past list ------------------------------------
  function columns() {
    const box = $("[data-columns]"), root = document.documentElement, link = $("a[data-seen]");
    if (!box) return;
    box.hidden = false;
    const hidden = () => new Set((root.dataset.hide || "").split(" ").filter(Boolean));
    function show() {
      const now = hidden();
      all("input", box).forEach((one) => { one.checked = !now.has(one.value); });
      if (!link) return;
      const to = new URL(link.href);
      if (now.size) to.searchParams.set("hide", Array.from(now).join(" ")); else to.searchParams.delete("hide");
      link.href = to.href;
    }
    all("input", box).forEach((one) => one.addEventListener("change", () => {
      const now = hidden();
      if (one.checked) now.delete(one.value); else now.add(one.value);
      root.dataset.hide = Array.from(now).join(" ");
      store.set("aas2rto-hide", root.dataset.hide);
      show();
    }));
    show();
  }
  function slider() {
    const form = $("form.slider"), choice = form && $("select", form);
    if (!choice || choice.options.length < 2 || $("input[type=range]", form)) return;
    const range = document.createElement("input");
    range.type = "range";
    range.max = String(choice.options.length - 1);
    range.value = String(choice.selectedIndex);
    range.setAttribute("aria-label", "Time of the list");
    const say = () => { choice.selectedIndex = Number(range.value); range.setAttribute("aria-valuetext", choice.options[choice.selectedIndex].text); };
    range.addEventListener("input", say);
    range.addEventListener("change", () => form.requestSubmit());
    choice.addEventListener("change", () => { range.value = String(choice.selectedIndex); });
    say();
    choice.closest("label").after(range);
  }

  // -- which candidate ---------------------------------------------------------
  const rows = () => all(".row[data-id]");
  const current = () => $(".row[aria-current]");
  function choose(row) {
    if (!row) return;
    rows().forEach((one) => one.removeAttribute("aria-current"));
    row.setAttribute("aria-current", "true");
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }
  function step(by) {
    const some = rows();
    if (!some.length) return;
    const at = some.indexOf(current());
    choose(some[at < 0 ? (by > 0 ? 0 : some.length - 1) : Math.min(Math.max(at + by, 0), some.length - 1)]);
  }
  const place = () => current() || $(".one[data-id]");

  // -- marks -------------------------------------------------------------------
  function say(text, undo) {
    const box = $("#notices");
    const line = document.createElement("p");
    line.className = "said";
    line.textContent = text + " ";
    if (undo) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Undo";
      button.addEventListener("click", takeBack);
      line.append(button);
    }
    box.replaceChildren(line);
  }
  async function send(fields, row) {
    const form = new URLSearchParams(fields);
    let told;
    try {
      const answer = await fetch(body.dataset.mark, { method: "POST", body: form, headers: { Accept: "application/json" } });
      told = await answer.json();
      if (!answer.ok) { say(told.error || "It was not taken.", null); return; }
    } catch (error) {
      say("The page does not answer; nothing was marked.", null);
      return;
    }
    lastUndo = told.can_undo ? { csrf: fields.csrf, id: told.candidate_id, kind: told.kind, at: told.observatory, until: "now" } : null;
    say(told.candidate_id + ": " + told.sentence, Boolean(lastUndo));
    if (row) row.classList.toggle("gone", fields.until !== "now" && ["observed", "veto", "snooze"].includes(told.kind));
  }
  function takeBack() {
    if (!lastUndo) return;
    const fields = lastUndo;
    lastUndo = null;
    send(fields, rows().find((row) => row.dataset.id === fields.id));
  }
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form.mark")) return;
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form));
    const button = event.submitter || $("button[name=kind]", form);
    fields.kind = button.value;
    send(fields, form.closest(".row"));
    const dialog = form.closest("dialog");
    if (dialog) { form.reset(); dialog.close(); }
  });
  function comment(where) {
    const dialog = $("#comment");
    if (!dialog || !where) return;
    $(".who", dialog).textContent = where.dataset.id.slice(0, 60);
    $("input[name=id]", dialog).value = where.dataset.id;
    dialog.showModal();
    $("input[name=comment]", dialog).focus();
  }
  document.addEventListener("click", (event) => {
    const at = event.target;
    if (at.closest(".note")) comment(at.closest("[data-id]"));
    else if (at.closest(".help")) $("#keys").showModal();
    else if (at.closest("dialog .close")) at.closest("dialog").close();
  });

  // -- keys --------------------------------------------------------------------
  const KINDS = { o: "observed", f: "failed", w: "clouded", x: "veto", p: "pin", s: "snooze", y: "possible", n: "bogus" };
  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
    if (at.matches("input, textarea, select")) { if (event.key === "Escape") at.blur(); return; }
    const key = event.key;
    if (key === "j") step(1);
    else if (key === "k") step(-1);
    else if (key === "/") { const box = $("input[type=search]"); if (!box) return; box.focus(); box.select(); }
    else if (key === "?") $("#keys") && $("#keys").showModal();
    else if (key === "u") takeBack();
    else if (key === "c") comment(place());
    else if (key === "Enter" && at.matches(".row")) { const link = $("h2 a", at); if (link) link.click(); return; }
    else if (KINDS[key]) {
      const button = place() && $(`form.mark button[value=${KINDS[key]}]`, place());
      if (!button) return;
      button.form.requestSubmit(button);
    } else return;
    event.preventDefault();
  });

  // -- what comes later ----------------------------------------------------------
  function load() {
    all("[data-load]").forEach(async (box) => {
      const from = box.dataset.load;
      if (!from) return;
      box.removeAttribute("data-load");
      try {
        const answer = await fetch(from);
        if (!answer.ok) return;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        box.replaceChildren(...page.body.childNodes);
      } catch (error) { /* the link stays */ }
    });
  }
  const busy = () => $("dialog[open]") || (document.activeElement && document.activeElement.matches("input, select, textarea"));
  async function update() {
    if (busy()) { setTimeout(update, 3000); return; }
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = $("#live", page);
    if (!fresh || busy()) return;
    const chosen = current() && current().dataset.id, y = window.scrollY;
    const details = all("#live details[open]").length > 0;
    $("#live").replaceChildren(...fresh.childNodes);
    $("footer").replaceChildren(...$("footer", page).childNodes);
    edition = page.body.dataset.edition;
    if (details) all("#live details").forEach((one) => { one.open = true; });
    const again = rows().find((row) => row.dataset.id === chosen);
    if (again) { again.setAttribute("aria-current", "true"); again.focus({ preventScroll: true }); }
    window.scrollTo(0, y);
    changes();
    columns();
    slider();
    load();
    document.dispatchEvent(new Event("aas2rto-fresh"));
  }
  function changes() {
    const some = rows(), list = $(".tabs a[aria-current]");
    if (!some.length || !list) return;
    const key = "aas2rto-seen " + list.getAttribute("href");
    if (changes.before === undefined) changes.before = store.get(key);
    const now = {};
    some.forEach((row) => {
      const rank = Number(row.dataset.rank), was = changes.before && changes.before[row.dataset.id];
      now[row.dataset.id] = rank;
      if (!changes.before || was === rank) return;
      $(".changed", row).textContent = was === undefined ? "new here" : rank < was ? `up ${was - rank}` : `down ${rank - was}`;
    });
    store.set(key, JSON.stringify(now));
  }
  // A tab that nobody sees listens to nothing: browsers allow six connections to one server.
  let events = null;
  function listen() {
    if (events) { events.close(); events = null; }
    if (document.hidden || !body.dataset.events || !window.EventSource) return;
    events = new EventSource(body.dataset.events);
    events.addEventListener("night", (event) => {
      const told = JSON.parse(event.data);
      if (told.edition && told.edition !== edition) { edition = told.edition; update(); }
    });
  }
  document.addEventListener("visibilitychange", listen);
  listen();
  if ($("#waiting")) setInterval(() => { fetch(location.href).then((a) => { if (a.ok) location.reload(); }).catch(() => {}); }, 1500);
  changes();
  columns();
  slider();
  load();
})();
