// What is pressed and clicked; then the first drawing.
function draw() {
  const now = state();
  drawGallery(now);
  cards.forEach((card) => mark(card, now));
  drawSave(now);
  drawPlan(now);
  drawPromise(now);
  const ticked = all(now.get("compare"));
  $("ticked").textContent = ticked.length;
  $("compare").disabled = ticked.length < 2;
  $("undo").hidden = !past.length;
  drawViewer(now);
  drawBlind(now);
}

function keyed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    if (event.key.toLowerCase() !== "z" || event.shiftKey || event.target.matches("input")) return;
    undo();
    event.preventDefault();
    return;
  }
  const key = event.key.toLowerCase();
  if (event.target.matches("input:not([type=checkbox]), select")) {
    if (event.key === "Enter" && event.target.closest("#columns")) event.target.blur();
    return;
  }
  const done = blind.open ? blindKey(event.key, key) : viewer.open ? viewerKey(event.key, key) : pageKey(event, key);
  if (done) event.preventDefault();
}

function blindKey(name, key) {
  if (name === "ArrowLeft" || name === "ArrowRight") choose(name === "ArrowLeft");
  else if (key === "u") backBlind();
  else return false;
  return true;
}

function viewerKey(name, key) {
  const open = all(state().get("view"));
  const near = document.activeElement.closest?.("#columns .card")?.dataset.id;
  if (name === "ArrowLeft" || name === "ArrowRight") {
    if (open.length !== 1) return false;
    step(name === "ArrowLeft" ? -1 : 1);
  } else if (key === "+" || key === "=") zoom(1);
  else if (key === "-") zoom(-1);
  else if (key === "u") undo();
  else return said(open.length === 1 ? open[0] : near, key);
  return true;
}

function pageKey(event, key) {
  const card = event.target.closest("article.card");
  if (key === "u") undo();
  else if (key === "b") beginBlind();
  else if (key === "/") $("line").focus();
  else if (key === "?") $("help").open = !$("help").open;
  else if (card) return said(card.dataset.id, key) || move(card, event.key);
  else if (event.key.startsWith("Arrow") && document.activeElement === document.body) shown[0]?.querySelector(".open").focus();
  else return false;
  return true;
}

function start() {
  [...FILTERS, "sort"].forEach((name) => $(name)?.addEventListener("change", (event) => write({ [name]: event.target.value })));
  $("tools").addEventListener("submit", (event) => event.preventDefault());
  $("reset").addEventListener("click", () => write({ line: "", band: "", said: "", sort: "", compare: "" }));
  $("undo").addEventListener("click", undo);
  $("compare").addEventListener("click", () => { opener = $("compare"); write({ view: state().get("compare") }); });
  $("save").addEventListener("click", () => shelf.write(" saved", told()));
  $("load").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (file) $("loaded").textContent = load(await file.text());
    event.target.value = "";
  });
  $("thin")?.addEventListener("toggle", reach);
  $("budget").addEventListener("change", (event) => write({ budget: event.target.value }));
  $("fill").addEventListener("click", fill);
  cut?.addEventListener("input", (event) => write({ cut: event.target.value }));
  $("cut-off")?.addEventListener("click", () => write({ cut: "" }));
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("larger").addEventListener("click", () => zoom(1));
  $("smaller").addEventListener("click", () => zoom(-1));
  $("close").addEventListener("click", () => viewer.close());
  viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
  viewer.addEventListener("close", closed);
  viewer.addEventListener("scroll", together, true);
  $("columns").addEventListener("click", pressed);
  $("columns").addEventListener("change", (event) => write({ [`note-${event.target.closest(".card").dataset.id}`]: event.target.value.trim() }));
  $("designs").addEventListener("click", pressed);
  $("designs").addEventListener("change", (event) => { if (event.target.closest(".tick")) tick(event.target.value); });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("main .open, [data-view]");
    if (!button) return;
    opener = button;
    write({ view: button.dataset.view || button.closest(".card").dataset.id });
  });
  $("blind-start").addEventListener("click", beginBlind);
  $("blind-close").addEventListener("click", () => blind.close());
  $("blind-left").addEventListener("click", () => choose(true));
  $("blind-right").addEventListener("click", () => choose(false));
  document.addEventListener("keydown", keyed);
  window.addEventListener("hashchange", draw);
  window.addEventListener("beforeunload", (event) => { if (unsaved()) event.preventDefault(); });
  if (!told() && shelf.read("")) tell(shelf.read(""));  // an address that says something is meant
  else draw();
}

if (cards.length) start();
