// A picture that was made from words: each cell in the colour of the word that it attends to most, and the words below.

// Light colours from the first word (blue) to the last (red): neighbours look alike.
const HUES = scale(["#8281bf", "#6ddde7", "#c2fe81", "#febb75", "#c7675a"]);
const WORD = 22; // the height of a line of words

const SECOND = {
  name: "cells", first: true,
  ready: ({ layout }) => layout.picture && loaded(layout.picture),
  place(m, { sentence, ...said }) {
    const { rows: R, columns: C } = sentence.layout, words = []; // the left edge, line and width of every word
    let side;
    const at = framed(said, {
      notes: ["a cell has the colour of the word in focus, or of its largest weight", m.scale.text],
      height(width) {
        let x = 0, line = 0;
        side = Math.min(width / C, 460 / R);
        for (const text of m.columns) {
          const w = measure(text, 13) + 8;
          if (x && x + w > width) { x = 0; line++; }
          words.push([x, line, w]);
          x += w + 4;
        }
        return side * R + 10 + WORD * (line + 1);
      },
    });
    return { ...at, sentence, words, side, floor: at.top + side * R + 10 };
  },
  draw(pen, m, at, { theme, ink, soft, focus, sentence, overlay }) {
    captions(pen, at, ink, soft);
    const { rows: R, columns: C, picture } = sentence.layout, { side, top, words, floor } = at, size = [side * C, side * R], found = links(sentence, m), [pointed = -1] = focus.columns, [from] = focus.rows;
    const tinted = ([x, y], w, h, c, value, row = 0) => {
      const strong = Math.abs(share(m, value, row));
      pen.rect(x, y, w, h, `rgba(${HUES[Math.round((255 * c) / m.C)]},${strong.toFixed(3)})`);
      return strong;
    };
    const corner = (row) => [side * (row % C), top + side * Math.floor(row / C)];
    pen.rect(0, top, ...size, "#fff");
    found.forEach((c, row) => {
      const shown = pointed < 0 ? c : pointed;
      if (shown >= 0 && shown < m.C) tinted(corner(row), side, side, shown, valueAt(m, row, shown), row);
    });
    if (picture) pen.image(decoded.get(picture), 0, top, ...size);
    found.forEach((c, row) => {
      const [x, y] = corner(row), on = focus.rows.includes(row);
      pen.path(`M${x} ${y}h${side}v${side}h${-side}z`, { stroke: on ? "#111" : "#b9bec8", width: on ? 3 : 0.6 });
      if (c >= 0) pen.text(fitted(m.columns[c], 11, side - 4), x + side / 2, y + side - 9, { fill: "#333", size: 11, align: "center" });
    });
    words.forEach(([x, line, w], c) => {
      const y = floor + WORD * line, value = from >= 0 ? together(m, focus.rows, [c]) : found.includes(c) || c === pointed ? m.scale.most : 0;
      pen.text(m.columns[c], x + 4, y + 9, { fill: tinted([x, y], w, 18, c, value, from) > 0.3 ? "#111" : ink, size: 13 });
    });
    if (overlay) verdict(pen, sentence, m, focus, theme, () => corner(from).map((edge) => edge + 10));
  },
  cell(_m, { sentence, side, top, words, floor }, x, y) {
    const { rows: R, columns: C } = sentence.layout, across = Math.floor(x / side), down = Math.floor((y - top) / side);
    if (across >= 0 && across < C && down >= 0 && down < R) return { row: down * C + across, column: null };
    const column = words.findIndex(([left, line, w]) => Math.floor((y - floor) / WORD) === line && x >= left && x < left + w);
    return column < 0 ? NOWHERE : { row: null, column };
  },
};
