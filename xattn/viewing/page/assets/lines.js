// A matrix as lines from source tokens at the left to target tokens at the right.

const FAINT = 0.03, MOST_LINES = 1500;

/** The cells with a line: the strongest ones, all links, and all gold. */
function lined(m, sentence, overlay) {
  const cells = [], found = overlay && !m.signed ? links(sentence, m) : [];
  for (let row = 0; row < m.R; row++) {
    if (m.silent[row]) continue;
    for (let c = 0; c < m.C; c++) {
      const at = share(m, m.values[row * m.C + c], row), strength = Math.abs(at), link = found[row] === c;
      const gold = overlay && !m.signed ? goldAt(sentence, m, row, c) : "";
      if (strength >= FAINT || link || gold) cells.push({ row, c, at, strength, link, gold });
    }
  }
  cells.sort((x, y) => x.strength - y.strength);
  return { cells, strongest: cells.filter(({ link, gold }, i) => link || gold || i >= cells.length - MOST_LINES) };
}

function lineLayout(m, { room, sentence, notes, ...said }) {
  const slots = Math.max(m.R, m.C, 1), line = slots > 40 ? 14 : 23, size = slots > 40 ? 11 : 13, drawn = lined(m, sentence, state.marks);
  const most = Math.min(room < 480 ? 105 : 190, room / 3);
  const widest = (labels) => Math.min(most, labels.reduce((wide, label) => Math.max(wide, measure(label, size)), 40));
  const source = widest(m.columns), target = widest(m.rows), between = clip(room - source - target - 24, 70, 280);
  const width = Math.ceil(Math.max(source + target + between + 24, Math.min(room, 300)));
  const { cells, strongest } = drawn, cut = strongest.length < cells.length ? [`${strongest.length} of ${cells.length} lines; point at a word for all its own`] : [];
  const captions = captioned({ ...said, notes: [...notes, ...cut] }, width), top = captions.head.length * 17 + 28;
  const foot = top + line * slots + 8, from = source + 12;
  return { ...captions, ...drawn, top, line, size, most, from, to: from + between, width, footTop: foot, height: foot + 6 + 15 * captions.foot.length };
}

/** Draws lines as strong as their weights; lines outside the focus fade. */
function lines(pen, m, at, { theme, ink, soft, focus, sentence }) {
  const { top, line, size, from, to, most, cells, strongest } = at, colors = MARKS[theme], bend = (to - from) / 2;
  // The shorter side is spread over the height of the longer one.
  const slots = Math.max(m.R, m.C), on = (count) => (index) => top + (line * slots * (index + 0.5)) / count, [y, z] = [on(m.C), on(m.R)], hue = theme === "dark" ? "127,193,255" : "11,92,173";
  const rows = new Set(focus.rows), columns = new Set(focus.columns), isMeant = ({ row, c }) => (!rows.size || rows.has(row)) && (!columns.size || columns.has(c));
  const meant = rows.size || columns.size ? cells.filter(isMeant) : strongest;
  captions(pen, at, ink, soft);
  for (const [list, fade] of [[meant === strongest ? [] : strongest, 0.13], [meant, 1]])
    for (const each of list) {
      const { row, c, at: value, strength, link, gold } = each;
      if (fade < 1 && isMeant(each)) continue;
      const d = `M${from} ${y(c)}C${from + bend} ${y(c)} ${to - bend} ${z(row)} ${to} ${z(row)}`;
      if (strength >= FAINT) {
        const alpha = Math.min(1, strength * 0.9 + 0.08) * fade;
        const color = value < 0 ? (theme === "dark" ? "255,180,84" : "196,60,0") : hue;
        pen.path(d, { stroke: `rgba(${color},${alpha.toFixed(3)})`, width: 1 + 4 * strength, dash: value < 0 ? [6, 5] : [] });
      }
      if (fade < 1) continue;
      if (gold) pen.path(d, { stroke: colors.gold, width: 1.4, dash: gold === "sure" ? [] : [4, 4] });
      if (link && sentence.gold && !gold) pen.path(cross(to - 9, z(row), 4), { stroke: colors.wrong, width: 2.5 });
    }
  const label = (text, x, y, align, on) =>
    pen.text(fitted(text, size, most), x, y, { fill: ink, size, align, weight: on ? "700" : "normal" });
  for (const [text, x, align] of [["source", from - 7, "right"], ["target", to + 7, "left"]]) pen.text(text, x, top - 10, { fill: soft, size: 10, align });
  for (const [c, text] of m.columns.entries()) label(text, from - 7, y(c), "right", columns.has(c));
  for (const [row, text] of m.rows.entries()) label(text, to + 7, z(row), "left", rows.has(row));
}

const SECOND = {
  name: "lines", place: lineLayout, draw: lines,
  cell: (m, at, x, y) => {
    const part = (y - at.top) / (at.line * Math.max(m.R, m.C)), inside = part >= 0 && part < 1, right = x >= at.to - 12;
    return { row: inside && right ? Math.floor(part * m.R) : null, column: inside && !right && x <= at.from + 12 ? Math.floor(part * m.C) : null };
  },
};
