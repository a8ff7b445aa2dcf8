'use strict';
// Draws as many rows of the report as fit the window. Everything from outside becomes text, never markup.
(() => {
  const [PLACE, KEY, ID, CAUSE, REASON, FOR_GOOD, CHANGES, WARNINGS, CALLED, EXTRA] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const AHEAD = 12, PRINTED_MAX = 2000, LIST_MAX = 8;
  const at = (id) => document.getElementById(id);
  const rows = JSON.parse(at('data').textContent), words = JSON.parse(at('words').textContent);
  const windowed = at('window'), body = at('rows'), search = at('search'), field = at('field'), shown = at('shown');
  const narrow = matchMedia('(max-width: 640px)');
  const drawn = new Map();
  let opened = null, found = rows, open = -1, active = -1, openHeight = 0, sortBy = 'row', down = false, texts = null, waiting = false, printing = false, reveal = false;
  const outcomes = new Set();

  const say = (one) => (typeof one === 'number' ? words.said[one] : one);
  const outcomeOf = (row) => words.causes[row[CAUSE]][1];
  const height = () => (narrow.matches ? 92 : 40);

  // Numbers and dates as the reader's own system writes them; what is no number or date stays as it is.
  const TO_THE_MINUTE = { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', timeZoneName: 'short' };
  const numbers = new Intl.NumberFormat(undefined, { maximumFractionDigits: 6 });
  const clocks = new Map(), known = new Map();
  const clockOf = (timeZone) => {
    if (!clocks.has(timeZone)) {
      clocks.set(timeZone, {
        time: new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone }),
        day: new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone }),
        minute: new Intl.DateTimeFormat(undefined, { ...TO_THE_MINUTE, timeZone }),
      });
    }
    return clocks.get(timeZone);
  };
  const dated = (value, zone) => {
    const key = `${zone} ${value}`;
    if (!known.has(key)) {
      const moment = new Date(value), clock = clockOf(zone || 'UTC');
      if (known.size > 20000) known.clear();
      known.set(key, isNaN(moment) ? value : (clock.time.format(moment) === '00:00:00' ? clock.day : clock.minute).format(moment));
    }
    return known.get(key);
  };
  const readable = (name, value, zone) => {
    if (name.endsWith('dealValue') && /^-?\d{1,15}(\.\d{1,6})?$/.test(value)) return numbers.format(Number(value));
    if (name.endsWith('DateTime') && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return dated(value, zone);
    return value;
  };

  const element = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const swatch = (outcome) => {
    const make = (name, facts) => {
      const made = document.createElementNS('http://www.w3.org/2000/svg', name);
      for (const [key, value] of Object.entries(facts)) made.setAttribute(key, value);
      return made;
    };
    const svg = make('svg', { class: 'swatch', width: 12, height: 12, 'aria-hidden': 'true', focusable: 'false' });
    svg.append(make('rect', { width: 12, height: 12, rx: 2, fill: `url(#look-${outcome})` }));
    return svg;
  };
  const cell = (line) => {
    const made = element('td');
    made.setAttribute('role', 'cell');
    line.append(made);
    return made;
  };

  const change = (one) => {
    const [kind, name, first, second, third, zone] = one, made = element('span');
    made.append(element('span', `${kind === '+' || kind === '-' ? `${kind} ` : ''}${name}: `, 'field'));
    if (kind === '?') {
      made.append(element('span', `agreed ${readable(name, first, zone)}, Partner Center ${readable(name, second, zone)}, your row ${readable(name, third, zone)}`));
    } else if (kind === '~') {
      made.append(element('span', readable(name, first, third), 'was'), ' → ', element('span', readable(name, second, third), 'will'));
      made.title = `${name}: ${first} → ${second}`.slice(0, 400);
    } else {
      made.append(element('span', first, kind === '+' ? 'will' : 'was'));
    }
    return made;
  };

  const drawLine = (index) => {
    const row = found[index], line = element('tr', undefined, index === open ? 'line on' : 'line');
    line.setAttribute('role', 'row');
    line.setAttribute('aria-rowindex', index + 2);
    line.dataset.index = index;
    cell(line).textContent = row[PLACE];
    const button = element('button', row[KEY] || '–'), named = cell(line);
    button.type = 'button';
    button.setAttribute('aria-expanded', index === open);
    named.append(button, row[CALLED]);
    named.title = row[CALLED];
    cell(line).append(swatch(outcomeOf(row)), outcomeOf(row));
    const changes = cell(line);
    if (row[FOR_GOOD]) changes.append(element('strong', `${words.forGood[row[FOR_GOOD]]}  `, 'for-good'));
    row[CHANGES].slice(0, LIST_MAX).forEach((one, n) => changes.append(n ? '; ' : '', change(one)));
    const reason = say(row[REASON]) || row[WARNINGS].map(say).map((one) => `warning: ${one}`).join('; ');
    cell(line).textContent = reason;
    line.lastChild.title = reason.slice(0, 400);
    return line;
  };

  const drawDetail = (index) => {
    const row = found[index], line = element('tr', undefined, 'detail'), list = element('dl');
    const [cause, outcome, meaning] = words.causes[row[CAUSE]];
    const tell = (name, ...what) => {
      if (!what.length || what[0] === '') return;
      list.append(element('dt', name));
      for (const one of what) {
        const told = element('dd');
        told.append(one);
        list.append(told);
        if (one !== what[what.length - 1]) list.append(element('dt', ''));
      }
    };
    line.setAttribute('role', 'row');
    const room = cell(line);
    room.colSpan = 5;
    tell('ended', `${outcome} (${cause}): ${meaning}`);
    tell('row', row[PLACE]);
    tell('deal', row[CALLED]);
    tell('referral', row[ID]);
    tell('reason', say(row[REASON]));
    tell('warnings', ...row[WARNINGS].map(say));
    tell('changes', ...row[CHANGES].map(change));
    if (row[EXTRA]) {
      const [etag, attempts, ids, patch] = row[EXTRA];
      tell('patch', ...patch.map(([op, path, value]) => element('span', `${op} ${path} ${value}`, 'code')));
      tell('eTag', etag);
      if (attempts) tell('attempts', String(attempts));
      tell('request ids', ...ids);
    }
    room.append(list);
    return line;
  };

  const gap = () => {
    const line = element('tr', undefined, 'gap'), room = element('td');
    line.setAttribute('aria-hidden', 'true');
    room.colSpan = 5;
    line.append(room);
    return line;
  };
  const raise = (line, pixels) => { line.firstChild.style.height = `${Math.max(0, pixels)}px`; };
  const above = gap(), below = gap();

  const draw = () => {
    waiting = false;
    if (printing) return;
    const tall = height(), top = windowed.scrollTop, seen = windowed.clientHeight || 600;
    const shift = (y) => (open >= 0 && y > (open + 1) * tall ? Math.max((open + 1) * tall, y - openHeight) : y);
    const first = Math.max(0, Math.floor(shift(top) / tall) - AHEAD);
    const last = Math.min(found.length, Math.ceil(shift(top + seen) / tall) + AHEAD);
    // What is new comes before what is old goes: a table that shrank for a moment would be scrolled back.
    const focused = document.activeElement?.closest?.('#rows tr.line'), lines = [above];
    for (let index = first; index < last; index++) {
      if (!drawn.has(index)) drawn.set(index, drawLine(index));
      lines.push(drawn.get(index));
      if (index === open) lines.push(opened ||= drawDetail(index));
    }
    lines.push(below);
    raise(above, first * tall + (open >= 0 && open < first ? openHeight : 0));
    raise(below, (found.length - last) * tall + (open >= last ? openHeight : 0));
    let next = null;
    for (const line of lines.reverse()) {
      if (line.parentNode !== body || line.nextSibling !== next) body.insertBefore(line, next);
      next = line;
    }
    const kept = new Set(lines);
    for (const line of [...body.children]) if (!kept.has(line)) line.remove();
    for (const index of drawn.keys()) if (index < first || index >= last) drawn.delete(index);
    if (focused && !drawn.has(Number(focused.dataset.index))) active = Math.floor(shift(top) / tall) - 1;
    if (focused && !focused.contains(document.activeElement)) (drawn.get(Number(focused.dataset.index))?.querySelector('button') || windowed).focus({ preventScroll: true });
    const detail = body.querySelector('tr.detail');
    if (detail && Math.abs(detail.offsetHeight - openHeight) > 1) { openHeight = detail.offsetHeight; later(); }
    if (detail && reveal) {
      reveal = false;
      const y = open * tall, below = y + tall + Math.min(detail.offsetHeight, windowed.clientHeight - 2 * tall) + tall;
      if (below > windowed.scrollTop + windowed.clientHeight) windowed.scrollTop = below - windowed.clientHeight;
    }
  };
  const later = () => {
    if (!waiting) { waiting = true; requestAnimationFrame(draw); }
  };
  const anew = () => { drawn.clear(); opened = null; draw(); };

  // What is shown is found, as it is written here and as it came.
  const shownOf = ([kind, name, ...values]) => values.map((one) => readable(name, one, kind === '~' ? values[2] : values[3]));
  const textOf = (row) => [row[PLACE], row[KEY], row[CALLED], row[ID], words.causes[row[CAUSE]][0], outcomeOf(row), say(row[REASON]),
    words.forGood[row[FOR_GOOD]], ...row[WARNINGS].map(say), ...row[CHANGES].flat(), ...row[CHANGES].flatMap(shownOf)].join('\n').toLowerCase();

  const order = {
    row: (a, b) => a[0] - b[0],
    key: (a, b) => a[KEY].localeCompare(b[KEY], undefined, { numeric: true }),
    outcome: (a, b) => words.order.indexOf(outcomeOf(a)) - words.order.indexOf(outcomeOf(b)),
    reason: (a, b) => say(a[REASON]).localeCompare(say(b[REASON])),
  };

  const select = () => {
    const wanted = search.value.trim().toLowerCase(), name = field.value;
    if (wanted && !texts) texts = new Map(rows.map((row) => [row, textOf(row)]));
    found = rows.filter((row) => (!outcomes.size || outcomes.has(outcomeOf(row)))
      && (!name || row[CHANGES].some((one) => one[1] === name))
      && (!wanted || texts.get(row).includes(wanted)));
    if (sortBy !== 'row' || down) {
      found = [...found].sort((a, b) => (order[sortBy](a, b) || a[0] - b[0]) * (down ? -1 : 1));
    }
    open = active = -1;
    openHeight = 0;
    windowed.scrollTop = 0;
    at('table').setAttribute('aria-rowcount', found.length + 1);
    at('none').hidden = found.length > 0;
    shown.textContent = `${numbers.format(found.length)} of ${numbers.format(rows.length)} rows`;
    anew();
  };

  const sorted = (by, backwards) => {
    [sortBy, down] = [by, backwards];
    for (const button of at('table').querySelectorAll('thead button')) {
      if (button.dataset.sort === by) button.parentElement.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      else button.parentElement.removeAttribute('aria-sort');
    }
  };

  const toggle = (index) => {
    open = open === index ? -1 : index;
    active = index;
    openHeight = 0;
    reveal = open >= 0;
    anew();
    drawn.get(index)?.querySelector('button').focus({ preventScroll: true });
  };
  const go = (index) => {
    const to = Math.max(0, Math.min(found.length - 1, index)), tall = height();
    const y = to * tall + (open >= 0 && to > open ? openHeight : 0);
    if (y < windowed.scrollTop) windowed.scrollTop = y;
    if (y + 2 * tall > windowed.scrollTop + windowed.clientHeight) windowed.scrollTop = y + 2 * tall - windowed.clientHeight;
    active = to;
    draw();
    drawn.get(to)?.querySelector('button').focus({ preventScroll: true });
  };

  const csv = () => {
    const quoted = (one) => {
      const safe = /^'*[=+\-@\t\r\0]/.test(one) ? `'${one}` : one;
      return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
    };
    const line = (cells) => cells.map((one) => quoted(String(one))).join(',');
    const spelt = (one) => (one[0] === '~' ? `${one[1]}: ${one[2]} -> ${one[3]}` : one[0] === '?'
      ? `${one[1]}: agreed ${one[2]}, remote ${one[3]}, row ${one[4]}` : `${one[0]} ${one[1]}: ${one[2]}`);
    return [line(['row', 'key', 'deal', 'referral', 'outcome', 'cause', 'changes', 'reason', 'warnings']), ...found.map((row) => line([
      row[PLACE], row[KEY], row[CALLED], row[ID], outcomeOf(row), words.causes[row[CAUSE]][0],
      [words.forGood[row[FOR_GOOD]], ...row[CHANGES].map(spelt)].filter(Boolean).join('; '), say(row[REASON]), row[WARNINGS].map(say).join('; ')]))].join('\r\n');
  };
  const copy = async () => {
    const text = csv();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = element('textarea', text);
      document.body.append(area);
      area.select();
      document.execCommand('copy');
      area.remove();
    }
    shown.textContent = `${numbers.format(found.length)} rows copied as CSV`;
  };

  const begin = () => {
    const count = new Map(), names = new Map();
    for (const row of rows) {
      count.set(outcomeOf(row), (count.get(outcomeOf(row)) || 0) + 1);
      for (const name of new Set(row[CHANGES].map((one) => one[1]))) names.set(name, (names.get(name) || 0) + 1);
    }
    for (const outcome of words.order.filter((one) => count.has(one))) {
      const chip = element('button');
      chip.type = 'button';
      chip.setAttribute('aria-pressed', 'false');
      chip.dataset.outcome = outcome;
      chip.append(swatch(outcome), `${outcome} ${numbers.format(count.get(outcome))}`);
      at('chips').append(chip);
    }
    for (const [name, many] of [...names].sort((a, b) => b[1] - a[1])) {
      const option = element('option', `${name} (${numbers.format(many)})`);
      option.value = name;
      field.append(option);
    }
    for (const id of ['tools', 'window', 'keys', 'theme']) at(id).hidden = false;
    for (const one of document.querySelectorAll('[data-field]')) {
      const raw = one.textContent, nice = readable(one.dataset.field, raw, one.dataset.zone);
      if (nice !== raw) { one.textContent = nice; one.title = raw; }
    }
    for (const one of document.querySelectorAll('time')) {
      const moment = new Date(one.dateTime);
      if (!isNaN(moment)) one.textContent = moment.toLocaleString(undefined, TO_THE_MINUTE);
    }
    const cut = at('cut');
    if (cut) document.querySelector('main').prepend(cut);
    select();
  };

  at('chips').addEventListener('click', (event) => {
    const chip = event.target.closest('button');
    if (!chip) return;
    const on = chip.getAttribute('aria-pressed') !== 'true';
    chip.setAttribute('aria-pressed', on);
    outcomes[on ? 'add' : 'delete'](chip.dataset.outcome);
    select();
  });
  search.addEventListener('input', select);
  field.addEventListener('change', select);
  at('all').addEventListener('click', () => {
    outcomes.clear();
    search.value = '';
    field.value = '';
    for (const chip of at('chips').children) chip.setAttribute('aria-pressed', 'false');
    sorted('row', false);
    select();
  });
  at('copy').addEventListener('click', copy);
  at('print').addEventListener('click', () => print());
  at('table').querySelector('thead').addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    sorted(button.dataset.sort, button.dataset.sort === sortBy && !down);
    select();
  });
  body.addEventListener('click', (event) => {
    const line = event.target.closest('tr.line');
    if (line && !getSelection().toString()) toggle(Number(line.dataset.index));
  });
  windowed.addEventListener('scroll', later, { passive: true });
  windowed.addEventListener('keydown', (event) => {
    const line = event.target.closest('tr.line'), page = Math.floor(windowed.clientHeight / height()) - 1;
    const from = line ? Number(line.dataset.index) : active;
    const to = { ArrowDown: from + 1, ArrowUp: from - 1, PageDown: from + page, PageUp: from - page, Home: 0, End: found.length - 1 }[event.key];
    if (to !== undefined && found.length) { event.preventDefault(); go(to); }
    if (event.key === 'Escape' && open >= 0) { event.preventDefault(); event.stopPropagation(); toggle(open); }
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !['INPUT', 'SELECT'].includes(event.target.tagName)) { event.preventDefault(); search.focus(); }
    if (event.key === 'Escape' && event.target === search) { search.value = ''; select(); windowed.focus(); }
  });
  at('theme').addEventListener('click', () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
  });
  addEventListener('resize', () => { openHeight = 0; anew(); });
  addEventListener('beforeprint', () => {
    printing = true;
    const whole = found.length === rows.length, printed = [];
    found.forEach((row, index) => {
      if (printed.length < PRINTED_MAX && !(whole && outcomeOf(row) === 'unchanged')) printed.push(index);
    });
    const lines = printed.map(drawLine);
    if (found.length > printed.length) {
      const line = element('tr'), room = element('td', `… and ${numbers.format(found.length - printed.length)} rows more (unchanged, or beyond ${numbers.format(PRINTED_MAX)}), which are not printed: filter the table first`);
      room.colSpan = 5;
      line.append(room);
      lines.push(line);
    }
    body.replaceChildren(...lines);
  });
  addEventListener('afterprint', () => { printing = false; anew(); });
  begin();
})();
