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
    if (event.target.matches("#tools select, #budget") && (event.key === "Escape" || (event.key === "Enter" && event.target.id === "budget"))) {
      event.preventDefault();  // or Enter would press what has the focus next
      back();
    }
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
  if (name.startsWith("Arrow")) return arrow(name);
  if (key === "+" || key === "=") zoom(1);
  else if (key === "-") zoom(-1);
  else if (key === "u") undo();
  else return said(open.length === 1 ? open[0] : near, key);
  return true;
}

let latest = null;  // the design that had the focus last
const face = (card) => card?.querySelector(".open");
const back = () => (face(shown.includes(latest) ? latest : shown[0]) || $("tools")).focus();

// From the fold of thin lines into it, or back to the design before it.
function unfold(forth) {
  const thin = $("thin");
  if (forth) thin.open = true;
  reach();
  const inside = shown.filter((card) => thin.contains(card));
  const before = shown.filter((card) => !thin.contains(card));
  face(forth ? inside[0] : before.at(-1))?.focus();
}

function pageKey(event, key) {
  const card = event.target.closest("article.card");
  const arrows = event.key.startsWith("Arrow");
  if (key === "u") undo();
  else if (key === "b") beginBlind();
  else if (key === "v") $("compare").click();
  else if (key === "p") $("budget").select();
  else if (key === "/") $("line").focus();
  else if (key === "?") $("help").open = !$("help").open;
  else if (card) return said(card.dataset.id, key) || move(card, event.key);
  else if (arrows && event.target.matches("#thin > summary")) unfold(event.key === "ArrowDown" || event.key === "ArrowRight");
  else if (arrows && (document.activeElement === document.body || event.target.closest("#tools"))) back();
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
  $("designs").addEventListener("focusin", (event) => { latest = event.target.closest("article.card") || latest; });
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
