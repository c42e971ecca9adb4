// A matrix as lines from source tokens at the left to target tokens at the right.

const LINE = 23, FAINT = 0.03;

function lineLayout(m, { room, ...said }) {
  const most = Math.min(room < 480 ? 105 : 190, room / 3);
  const widest = (labels) => Math.min(most, labels.reduce((wide, label) => Math.max(wide, measure(label, 13)), 20));
  const source = widest(m.columns), target = widest(m.rows), between = Math.min(Math.max(room - source - target - 24, 70), 280);
  const width = Math.ceil(Math.max(source + target + between + 24, Math.min(room, 300)));
  const captions = captioned(said, width), top = captions.head.length * 17 + 12;
  const foot = top + LINE * Math.max(m.R, m.C, 1) + 8, from = source + 12;
  return { ...captions, top, most, from, to: from + between, width, footTop: foot, height: foot + 6 + 15 * captions.foot.length };
}

/** Draws lines as strong as their weights; lines outside the focus fade. */
function lines(pen, m, at, { theme, ink, soft, most, focus, sentence, overlay }) {
  captions(pen, at, ink, soft);
  const y = (index) => at.top + LINE * (index + 0.5), hue = theme === "dark" ? "127,193,255" : "11,92,173", colors = MARKS[theme];
  const found = overlay && !m.signed ? links(sentence, m) : [];
  for (let row = 0; row < m.R; row++) {
    if (m.silent[row]) continue;
    for (let c = 0; c < m.C; c++) {
      const value = m.values[row * m.C + c], strength = Math.abs(value) / most;
      const meant = (!focus.rows.length || focus.rows.includes(row)) && (!focus.columns.length || focus.columns.includes(c));
      const gold = overlay && !m.signed ? goldAt(sentence, m, row, c) : "", bend = (at.to - at.from) / 2;
      if (strength < FAINT && !gold && found[row] !== c) continue;
      const d = `M${at.from} ${y(c)}C${at.from + bend} ${y(c)} ${at.to - bend} ${y(row)} ${at.to} ${y(row)}`;
      if (strength >= FAINT) {
        const alpha = Math.min(1, strength * 0.9 + 0.08) * (meant ? 1 : 0.13);
        const color = m.signed && value < 0 ? (theme === "dark" ? "255,180,84" : "196,60,0") : hue;
        pen.path(d, { stroke: `rgba(${color},${alpha.toFixed(3)})`, width: 1 + 4 * strength, dash: m.signed && value < 0 ? [6, 5] : [] });
      }
      if (gold && meant) pen.path(d, { stroke: colors.gold, width: 1.4, dash: gold === "sure" ? [] : [4, 4] });
      if (found[row] === c && sentence.gold && !gold && meant) {
        const x = at.to - 9, up = y(row);
        pen.path(`M${x - 4} ${up - 4}l8 8M${x + 4} ${up - 4}l-8 8`, { stroke: colors.wrong, width: 2.5 });
      }
    }
  }
  const label = (text, x, index, align, on) =>
    pen.text(fitted(text, 13, at.most), x, y(index), { fill: ink, size: 13, align, weight: on ? "700" : "normal" });
  for (const [c, text] of m.columns.entries()) label(text, at.from - 7, c, "right", focus.columns.includes(c));
  for (const [row, text] of m.rows.entries()) label(text, at.to + 7, row, "left", focus.rows.includes(row));
}

const SECOND = {
  name: "lines", place: lineLayout, draw: lines,
  cell: (m, at, x, y) => {
    const index = Math.floor((y - at.top) / LINE), row = x >= at.to - 12 && index >= 0 && index < m.R ? index : null;
    return { row, column: row === null && x <= at.from + 12 && index >= 0 && index < m.C ? index : null };
  },
};
