"use strict";
// The page: draws what the state says, and changes the state as its reader points, clicks and types.

let state = fromHash(location.hash), hover = NOWHERE, scene = null, drawing = 0, settled = Promise.resolve();
const night = matchMedia("(prefers-color-scheme: dark)");
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const theme = () => (state.theme === "auto" ? (night.matches ? "dark" : "light") : state.theme);
const focus = () => (hover.row === null && hover.column === null ? state.pin : hover);
const same = (a, b) => a.row === b.row && a.column === b.column;

function set(changes) {
  const units = changes.unit && changes.unit !== state.unit, other = "sentence" in changes && changes.sentence !== state.sentence;
  state = { ...state, ...(units || other ? { pin: NOWHERE } : {}), ...(other ? { step: -1 } : {}), ...changes };
  // A page without an address of its own, as in a notebook, has no hash to keep.
  if (location.protocol !== "about:") history.replaceState(null, "", toHash(state));
  return refresh();
}

function refresh() {
  hover = NOWHERE;
  settled = draw(++drawing).catch(fail);
  return settled;
}

function fail(error) {
  $("failure").textContent = `This page cannot be drawn: ${error.message}`;
  $("failure").hidden = false;
  throw error;
}

/** Reads the weights that the state asks for; then everything is drawn at once. */
async function draw(mine) {
  document.documentElement.dataset.theme = theme();
  const sentence = DATA.sentences[state.sentence];
  const a = await weightsOf(state.sentence, state.map);
  const b = state.other < 0 ? null : await weightsOf(state.sentence, state.other);
  if (mine !== drawing) return;
  const at = (weights, unit) => matrix(sentence, weights, state.layer, state.head, unit, state.rows);
  const shown = at(a, state.unit), compared = b && at(b, state.unit);
  const inside = (p) => (p.row === null || p.row < shown.R) && (p.column === null || p.column < shown.C + shown.words);
  if (!inside(state.pin)) state.pin = NOWHERE;
  scene = { sentence, a, b, shown, compared, words: shown.words ? shown : at(a, "words"), most: DATA.most };
  scene.panels = [{ m: shown, name: `${b ? "A: " : ""}${DATA.names[state.map]}` }];
  if (b) scene.panels.push({ m: compared, name: `B: ${DATA.names[state.other]}` }, { m: difference(shown, compared), name: "B − A" });
  drawControls();
  drawTokens();
  drawPictures();
  drawHeads();
  drawStep();
  drawTable();
  drawFocus();
  await listSentences(mine);
}

function drawControls() {
  $("theme").textContent = `theme: ${state.theme}`;
  const selects = { layer: state.layer, head: state.head, map: state.map, other: state.other };
  for (const [id, value] of Object.entries(selects)) $(id).value = value;
  $("map-slider").value = state.map;
  $("map-slider").setAttribute("aria-valuetext", DATA.names[state.map]);
  for (const button of document.querySelectorAll(".choice button"))
    button.setAttribute("aria-pressed", String(state[button.dataset.key] === button.value));
  $("marks").checked = Boolean(state.marks);
  $("marks-name").textContent = scene.sentence.gold ? "links and gold" : "links";
  $("mirror").checked = mirrored();
  const share = specialShare(scene.words);
  $("warning").hidden = share <= 0.5;
  $("warning").textContent = `${percent(share)} % of this head's weight rests on special pieces such as EOS: its links say little.`;
}

const mirrored = () => state.mirror === "rtl" || (state.mirror === "auto" && rightToLeft(scene.sentence.sourceWords));

function notes(m) {
  const { sentence } = scene, lines = [DATA.meanings[state.rows].replace("word", m.words ? "word" : "piece")];
  if (m.silent.some(Boolean)) lines.push(`hatched: no decoder step speaks for the ${m.words ? "word" : "piece"}`);
  if (state.marks && !m.signed)
    lines.push(sentence.gold ? "gold: sure solid, possible dashed; disc: right link, cross: wrong" : "disc: the link, the row's largest weight");
  return lines;
}

/** The pictures that are shown, each with its size and a way to draw it; the same for screen and files. */
function pictures() {
  const room = Math.max($("panels").clientWidth, 240), ink = style("--ink"), soft = style("--soft"), list = [];
  const { sentence, most } = scene, common = { theme: theme(), ink, soft, most, sentence, overlay: state.marks };
  const both = state.view === "both" && !scene.b, wide = both && room > 600 ? room - 250 : scene.b && room > 600 ? room / 3 - 24 : room;
  for (const { m, name } of scene.panels) {
    const title = `attention ${DATA.kind}, layer ${state.layer}, head ${state.head}, row convention: ${state.rows}`;
    const said = { name: DATA.names.length > 1 ? name : "", title, notes: notes(m) };
    if (state.view !== "lines") {
      const place = layout(m, { room: wide, zoom: 1.25 ** state.zoom, mirror: mirrored(), ...said });
      list.push({ kind: "heatmap", m, at: place, draw: (pen) => heatmap(pen, m, place, common) });
    }
    if (state.view === "lines" || both) {
      const rest = list.length ? room - list[0].at.width - 24 : wide;
      const place = lineLayout(m, { room: rest < 220 ? room : Math.min(rest, 420), ...said });
      list.push({ kind: "lines", m, at: place, draw: (pen) => lines(pen, m, place, { ...common, focus: focus() }) });
    }
  }
  return list;
}

function paint(canvas, { at, draw }, density) {
  // A canvas has a largest size, so a large picture is drawn with fewer dots.
  const dots = Math.min(density, Math.sqrt(6e7 / (at.width * at.height)));
  canvas.width = Math.ceil(at.width * dots);
  canvas.height = Math.ceil(at.height * dots);
  Object.assign(canvas.style, { width: `${at.width}px`, height: `${at.height}px` });
  const context = canvas.getContext("2d");
  context.scale(dots, dots);
  draw(new CanvasPen(context));
}

function drawPictures() {
  scene.pictures = pictures();
  const old = Array.from($("panels").children);
  scene.pictures.forEach((picture, i) => {
    // Panels stay where they are, so that the keyboard's focus stays too.
    const panel = old[i] || panelFor(i);
    if (!old[i]) $("panels").append(panel);
    picture.canvas = panel.querySelector("canvas");
    picture.bands = panel.querySelectorAll(".band");
    const { kind, m } = picture, keys = "Arrow keys walk, Enter pins, Escape lets go; L, H, U and R change layer, head, unit and row convention.";
    panel.setAttribute("aria-label", `${kind}, ${m.R} rows and ${m.C} columns: ${scene.panels.find((p) => p.m === m).name}. ${keys}`);
    if (kind === "heatmap") paint(picture.canvas, picture, devicePixelRatio || 1); // lines follow the focus
  });
  old.slice(scene.pictures.length).forEach((panel) => panel.remove());
  const bar = $("legend").getContext("2d"), signed = scene.b !== null;
  for (let x = 0; x < 128; x++) {
    bar.fillStyle = shade(theme(), signed ? (x / 127) * 2 - 1 : x / 127, 1, signed).css;
    bar.fillRect(x, 0, 1, 1);
  }
  document.querySelector(".legend > span").textContent = signed ? `B − A: −${DATA.most}` : "0";
  $("most").textContent = `${signed ? "+" : ""}${DATA.most}`;
  $("keys").textContent = "one scale for every row and map; click pins, Esc lets go, arrow keys walk";
}

function panelFor(index) {
  const panel = make("div", { className: "panel", tabIndex: 0 }, make("canvas"));
  panel.setAttribute("role", "application");
  panel.querySelector("canvas").setAttribute("aria-hidden", "true");
  for (const name of ["row", "column"]) panel.append(make("div", { className: `band ${name}`, hidden: true }));
  const under = (event) => {
    const box = panel.querySelector("canvas").getBoundingClientRect();
    return cellAt(scene.pictures[index], event.clientX - box.left, event.clientY - box.top);
  };
  panel.addEventListener("pointermove", (event) => point(under(event)));
  panel.addEventListener("pointerleave", () => point(NOWHERE));
  panel.addEventListener("click", (event) => pin(under(event)));
  panel.addEventListener("keydown", (event) => keyed(event, scene.pictures[index]));
  return panel;
}

/** The row and the column under a point of a picture; a label has only one of them. */
function cellAt({ kind, m, at }, x, y) {
  if (kind === "lines") {
    const index = Math.floor((y - at.top) / LINE);
    const row = x >= at.to - 12 && index >= 0 && index < m.R ? index : null;
    return { row, column: row === null && x <= at.from + 12 && index >= 0 && index < m.C ? index : null };
  }
  const row = Math.floor((y - at.top) / at.cell), from = (x - at.left) / at.cell;
  let column = at.mirror ? m.C - 1 - Math.floor(from) : Math.floor(from);
  if (m.words && x >= at.special && x < at.special + at.cell) column = m.C;
  const inRows = row >= 0 && row < m.R, inColumns = column >= 0 && column < m.C + m.words && (column < m.C || x >= at.special);
  if (x < at.left && inRows) return { row, column: null };
  if (y < at.top && y > at.top - 40 && inColumns) return { row: null, column };
  return inRows && inColumns ? { row, column } : NOWHERE;
}

function point(where) {
  if (same(where, hover)) return;
  hover = where;
  drawFocus();
}
const pin = (where) => set({ pin: same(where, state.pin) ? NOWHERE : where });

function keyed(event, picture) {
  const { m } = picture, now = focus(), { key } = event;
  const across = (key === "ArrowRight") - (key === "ArrowLeft"), down = (key === "ArrowDown") - (key === "ArrowUp");
  const back = event.shiftKey ? -1 : 1, cycle = (name, list) => set({ [name]: list.at((list.indexOf(state[name]) + back) % list.length) });
  const clip = (value, most) => Math.min(Math.max(value, 0), most);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (across || down) {
    const turn = picture.at.mirror ? -1 : 1, fresh = now.row === null && now.column === null;
    point({
      row: fresh ? 0 : clip((now.row ?? 0) + down, m.R - 1),
      column: fresh ? 0 : clip((now.column ?? 0) + across * turn, m.C - 1 + m.words),
    });
  } else if (key === "Home" || key === "End") point({ row: now.row ?? 0, column: key === "Home" ? 0 : m.C - 1 });
  else if (key === "Enter" || key === " ") pin(now);
  else if (key === "Escape") set({ pin: NOWHERE });
  else if (/^[lhur]$/i.test(key)) {
    const name = { l: "layer", h: "head", u: "unit", r: "rows" }[key.toLowerCase()];
    cycle(name, CHOICES[name]);
  } else return;
  event.preventDefault();
}

/** Shows where the reader points, or what is pinned: bands, shaded tokens, lines, and the numbers in words. */
function drawFocus() {
  const now = focus(), { shown: m } = scene, pinned = same(now, state.pin);
  for (const picture of scene.pictures) {
    const { kind, at, bands, canvas, m: own } = picture, [row, column] = bands, map = kind === "heatmap";
    row.hidden = !map || now.row === null;
    column.hidden = !map || now.column === null;
    for (const band of bands) band.classList.toggle("pinned", pinned);
    const right = own.words ? at.special + at.cell : at.left + at.cell * own.C;
    if (!row.hidden) box(row, at.left, at.top + at.cell * now.row, right - at.left, at.cell);
    if (!column.hidden) box(column, now.column < own.C ? at.x(now.column) : at.special, at.top, at.cell, at.cell * own.R);
    if (!map) paint(canvas, picture, devicePixelRatio || 1);
  }
  tint("source", (c) => (now.row === null ? null : m.values[now.row * m.C + c]), now.column);
  tint("target", (row) => (now.row !== null || now.column === null ? null : valueAt(m, row, now.column)), now.row);
  $("readout").replaceChildren(...told(now));
}

function box(element, left, top, width, height) {
  Object.assign(element.style, { left: `${left - 2}px`, top: `${top - 2}px`, width: `${width + 3}px`, height: `${height + 3}px` });
}
const valueAt = (m, row, column) => (column < m.C ? m.values[row * m.C + column] : m.special[row]);

function tint(side, value, at) {
  Array.from($(side).querySelectorAll(".token")).forEach((token, i) => {
    const known = value(i), color = known === null || (known < 0.005 && i !== at) ? null : shade(theme(), known, scene.most);
    token.style.background = color ? color.css : "";
    token.style.color = color ? color.ink : "";
    token.classList.toggle("at", i === at);
  });
}

/** The focus in words, as nodes. */
function told({ row, column }) {
  const { shown: m, compared, sentence } = scene, bold = (text) => make("b", {}, make("bdi", {}, text));
  const label = (c) => (c < m.C ? m.columns[c] : "special pieces"), name = (label, at, ids, pieces) => {
    const parts = m.words ? pieces.filter((_, i) => ids[i] === at) : [];
    return parts.length > 1 ? [bold(label), " (", make("bdi", {}, parts.join(" ")), ")"] : [bold(label)];
  };
  if (row === null && column === null) return ["Point at a word or a cell to see where attention goes; click to pin it."];
  if (row !== null && column !== null) {
    const value = valueAt(m, row, column), gold = column < m.C ? goldAt(sentence, m, row, column) : "";
    const facts = m.silent[row] ? [" no decoder step speaks for it"] : [` ${percent(value)} % (${value.toFixed(4)})`];
    if (compared) facts.push(` in A, ${percent(valueAt(compared, row, column))} % in B: B − A ${((valueAt(compared, row, column) - value) * 100).toFixed(1)}`);
    if (links(sentence, m)[row] === column) facts.push(sentence.gold ? (gold ? "; linked, rightly" : "; linked, wrongly") : "; linked");
    if (gold) facts.push(`; gold: ${gold}`);
    return [...name(m.rows[row], row, sentence.targetIds, sentence.target), " ← ", ...name(label(column), column, sentence.sourceIds, sentence.source), ...facts];
  }
  const byRow = row !== null, count = byRow ? m.C + m.words : m.R;
  const ranked = Array.from({ length: count }, (_, i) => [byRow ? label(i) : m.rows[i], byRow ? valueAt(m, row, i) : valueAt(m, i, column)])
    .sort((x, y) => y[1] - x[1]).slice(0, 4).filter(([, value]) => value >= 0.005);
  const said = ranked.flatMap(([text, value], i) => [i ? ", " : " ", make("bdi", {}, text), ` ${percent(value)} %`]);
  return byRow
    ? [...name(m.rows[row], row, sentence.targetIds, sentence.target), m.silent[row] ? ": no decoder step speaks for it" : " looks at", ...said]
    : [...name(label(column), column, sentence.sourceIds, sentence.source), " is looked at by", ...said];
}
