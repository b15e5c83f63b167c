"use strict";
// Filter, sort, compare and evidence. The page's state is its address behind #, so that a view can
// be bookmarked and sent: line, model, novelty, sort, pick (ids), view (ids in the dialog), keep and
// reject (ids), note-<id>.
(() => {
  const MOST = 4;
  const FILTERS = ["line", "model", "novelty"];
  const VERDICTS = ["keep", "reject"];
  const $ = (id) => document.getElementById(id);
  const gallery = $("gallery");
  document.documentElement.classList.add("js");
  if (!gallery) return;

  const viewer = $("viewer");
  const cards = [...gallery.children];
  const byId = new Map(cards.map((card) => [card.dataset.id, card]));
  const box = (card) => card.querySelector(".pick input");
  const all = (text) => (text || "").split(",").filter((id) => byId.has(id));
  const ids = (text) => all(text).slice(0, MOST);
  let shown = cards;
  let sorted = null;  // by which key the gallery stands now; null is the page's own order
  let opener = null;
  let viewed = "";  // ids of the copies in the dialog

  const state = () => new URLSearchParams(location.hash.slice(1));
  const write = (changes) => {
    const next = state();
    for (const [key, value] of Object.entries(changes)) value ? next.set(key, value) : next.delete(key);
    const text = next.toString();
    if (text === state().toString()) return;
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    draw();
  };

  // Missing values sort last; equal values keep the order of line and rank.
  const order = (key) => (a, b) => {
    const value = (card) => (card.dataset[key] === "" ? -Infinity : Number(card.dataset[key]));
    const difference = key ? value(b) - value(a) : 0;
    return (Number.isNaN(difference) ? 0 : difference) || a.dataset.place - b.dataset.place;
  };

  function draw() {
    const now = state();
    const wanted = FILTERS.map((name) => [name, now.get(name)]).filter(([, value]) => value);
    for (const name of [...FILTERS, "sort"]) $(name).value = now.get(name) || "";
    cards.forEach((card) => { card.hidden = wanted.some(([name, value]) => card.dataset[name] !== value); });
    if (sorted !== now.get("sort")) {  // moving cards costs more than hiding them
      sorted = now.get("sort");
      gallery.append(...[...cards].sort(order(sorted)));
    }
    shown = [...gallery.children].filter((card) => !card.hidden);

    const picked = ids(now.get("pick"));
    cards.forEach((card) => {
      box(card).checked = picked.includes(card.dataset.id);
      box(card).disabled = picked.length >= MOST && !box(card).checked;
    });
    cards.forEach((card) => mark(card, now));
    save(now);
    $("count").textContent = `${shown.length} of ${cards.length}`;
    $("empty").hidden = shown.length > 0;
    $("picked").textContent = picked.length;
    $("compare").disabled = picked.length < 2;
    $("reset").hidden = !wanted.length && !picked.length && !now.get("sort");
    view(ids(now.get("view")));
  }

  const verdict = (id, now) => VERDICTS.find((name) => all(now.get(name)).includes(id)) || "";

  function mark(card, now) {
    const given = verdict(card.dataset.id, now);
    card.querySelectorAll("[data-verdict]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.verdict === given));
    });
    const note = card.querySelector(".said input");
    if (note !== document.activeElement) note.value = now.get(`note-${card.dataset.id}`) || "";
  }

  // The link holds the file: a policy without connections lets a page save no other way.
  function save(now) {
    const judged = cards.map((card) => card.dataset.id).filter((id) => verdict(id, now));
    const cell = (text) => `"${(/^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text) ? "'" : "") + text.replaceAll('"', '""')}"`;
    const rows = judged.map((id) => `${id}.png,${verdict(id, now)},${cell(now.get(`note-${id}`) || "")}`);
    $("save").hidden = !judged.length;
    $("save").textContent = `Save feedback (${judged.length})`;
    $("save").href = `data:text/csv;charset=utf-8,${encodeURIComponent(["\ufefffile,verdict,note", ...rows, ""].join("\r\n"))}`;
  }

  function judge(id, name) {
    const now = state();
    const next = verdict(id, now) === name ? "" : name;
    const changes = {};
    for (const each of VERDICTS) {
      const others = all(now.get(each)).filter((other) => other !== id);
      changes[each] = (each === next ? [...others, id] : others).join(",");
    }
    write(changes);
  }

  function judged(event) {
    const button = event.target.closest("[data-verdict]");
    if (button) judge(button.closest(".card").dataset.id, button.dataset.verdict);
  }

  function view(open) {
    if (!open.length) {
      if (viewer.open) viewer.close();
      viewed = "";
      return;
    }
    if (viewed === open.join()) {  // a verdict or a note changed: what has the focus stays
      [...$("columns").children].forEach((copy) => mark(copy, state()));
      return;
    }
    viewed = open.join();
    const single = open.length === 1;
    $("viewer-title").textContent = single ? "Evidence" : "Side by side";
    viewer.classList.toggle("single", single);
    $("previous").hidden = $("next").hidden = !single;
    $("columns").replaceChildren(...open.map((id) => {
      const copy = byId.get(id).cloneNode(true);
      copy.hidden = false;
      copy.removeAttribute("id");
      copy.removeAttribute("aria-labelledby");
      copy.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
      copy.querySelector(".open").tabIndex = -1;
      copy.querySelector(".pick").remove();
      return copy;
    }));
    if (!viewer.open) viewer.showModal();
  }

  function step(by) {
    const open = ids(state().get("view"));
    const at = shown.indexOf(byId.get(open[0]));
    if (open.length !== 1 || !shown.length) return;
    write({ view: shown[(at + by + shown.length) % shown.length].dataset.id });
  }

  function pick(id) {
    const picked = ids(state().get("pick"));
    const next = picked.includes(id) ? picked.filter((other) => other !== id) : [...picked, id];
    if (next.length <= MOST) write({ pick: next.join(",") });
  }

  function move(card, key) {
    const columns = getComputedStyle(gallery).gridTemplateColumns.split(" ").length;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
    const target = by && shown[shown.indexOf(card) + by];
    if (target) target.querySelector(".open").focus();
    return Boolean(by);
  }

  [...FILTERS, "sort"].forEach((name) => $(name).addEventListener("change", (event) => write({ [name]: event.target.value })));
  $("tools").addEventListener("submit", (event) => event.preventDefault());
  $("reset").addEventListener("click", () => write({ line: "", model: "", novelty: "", sort: "", pick: "" }));
  $("compare").addEventListener("click", () => { opener = $("compare"); write({ view: state().get("pick") }); });
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("close").addEventListener("click", () => viewer.close());
  viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
  viewer.addEventListener("close", () => {
    const last = byId.get(ids(state().get("view"))[0]);
    write({ view: "" });
    (opener || (last && last.querySelector(".open")))?.focus();
    opener = null;
  });
  viewer.addEventListener("keydown", (event) => {
    if (event.target.matches("input")) return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  gallery.addEventListener("click", (event) => {
    const button = event.target.closest(".open");
    if (button) write({ view: button.closest(".card").dataset.id });
  });
  gallery.addEventListener("change", (event) => pick(event.target.value));
  gallery.addEventListener("click", judged);
  $("columns").addEventListener("click", judged);
  $("columns").addEventListener("change", (event) => {
    write({ [`note-${event.target.closest(".card").dataset.id}`]: event.target.value.trim() });
  });
  gallery.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    const card = event.target.closest(".card");
    if (key === "c") pick(card.dataset.id);
    else if (key === "k" || key === "r") judge(card.dataset.id, key === "k" ? "keep" : "reject");
    else if (!move(card, event.key)) return;
    event.preventDefault();
  });
  window.addEventListener("hashchange", draw);
  draw();
})();
