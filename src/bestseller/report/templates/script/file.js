// What was said as a file: saved by a link that holds it, since a policy without connections lets a
// page save no other way; and loaded again.
const COLUMNS = ["file", "verdict", "note", "picked", "preferred", "taken_for_real"];
const ANSWERS = { y: "yes", n: "no" };

function rowsOf(now) {
  return cards.map((card) => card.dataset.id).map((id) => {
    const blind = now.get(`blind-${id}`) || "";
    return [`${id}.png`, verdict(id, now), noteOf(id, now), starred(id, now) ? "yes" : "", ANSWERS[blind[0]] || "", ANSWERS[blind[1]] || ""];
  }).filter((row) => row.slice(1).some(Boolean));
}

function csv(now) {
  const safe = (text) => (/^\s*[=+\-@\t\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text);
  const cell = (text) => (/[",;\r\n']|^\s|\s$/.test(safe(text)) ? `"${safe(text).replaceAll('"', '""')}"` : safe(text));
  return ["\ufeff" + COLUMNS.join(","), ...rowsOf(now).map((row) => row.map(cell).join(",")), ""].join("\r\n");
}

function drawSave(now) {
  const count = rowsOf(now).length;
  $("save").hidden = !count;
  $("save").textContent = `Save (${count})`;
  $("save").href = `data:text/csv;charset=utf-8,${encodeURIComponent(csv(now))}`;
}

function parsed(text) {
  const rows = [[]];
  const mark = text.split("\n")[0].includes(";") ? ";" : ",";
  let cell = "", quoted = false;
  const end = () => { rows.at(-1).push(cell); cell = ""; };
  for (let at = text[0] === "\ufeff" ? 1 : 0; at < text.length; at += 1) {
    const sign = text[at];
    if (quoted && sign === '"' && text[at + 1] === '"') { cell += '"'; at += 1; }
    else if (sign === '"') quoted = !quoted;
    else if (!quoted && sign === mark) end();
    else if (!quoted && sign === "\n") { end(); rows.push([]); }
    else if (quoted || sign !== "\r") cell += sign;
  }
  if (cell || rows.at(-1).length) end();
  return rows.filter((row) => row.length > 1);
}

// Take in a saved file; it says how many of its designs are here.
function load(text) {
  const [head = [], ...rows] = parsed(text);
  const at = Object.fromEntries(COLUMNS.map((name) => [name, head.indexOf(name)]));
  if (at.file < 0 || at.verdict < 0) return "This is no saved file: it has no columns file and verdict.";
  const next = new URLSearchParams(told());
  let found = 0;
  for (const row of rows) {
    const cell = (name) => row[at[name]] || "";
    const id = cell("file").replace(/\.png$/, "");
    if (!byId.has(id)) continue;
    found += 1;
    const put = (key, value) => (value ? next.set(key, value) : next.delete(key));
    for (const name of ["keep", "reject"]) put(name, toggled(all(next.get(name)), id, cell("verdict") === name));
    put("star", toggled(all(next.get("star")), id, cell("picked") === "yes"));
    put(`note-${id}`, cell("note").replace(/^'(?=\s*[=+\-@\t\uff1d\uff0b\uff0d\uff20])/, ""));
    put(`blind-${id}`, `${cell("preferred")[0] || ""}${cell("taken_for_real")[0] || ""}`);
  }
  past.push(told());
  tell(next.toString());
  shelf.write(" saved", told());
  return `${found} of ${rows.length} designs of the file are here.`;
}

const unsaved = () => rowsOf(state()).length > 0 && told() !== shelf.read(" saved");
