"""What the fleet's page does by itself: it moves and hides rows, and writes no HTML."""

STYLE = """
body{max-width:110rem}
.phases{grid-template-columns:repeat(auto-fit,minmax(7.5rem,12rem))}
.filters{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center;max-width:none}
.filters input[type=search]{flex:1 1 14rem;max-width:24rem}
.filters select{max-width:14rem}
input,select{font:inherit;padding:.3rem .5rem;color:inherit;background:var(--card);
border:1px solid var(--grid);border-radius:.4rem}
#fleet{width:100%}#fleet td{overflow-wrap:anywhere}
#fleet th{position:sticky;top:0;background:var(--paper);vertical-align:bottom}
#fleet td,#fleet th{padding-right:.7rem}
#fleet .phase{white-space:nowrap}#fleet .name{display:inline-block;min-width:10rem}
#fleet td:nth-child(n+5):nth-child(-n+9){overflow-wrap:normal}
#fleet td div b{display:inline;font-size:1em;white-space:nowrap}
th button{font:inherit;text-align:left;color:inherit;background:none;border:0;padding:0;
cursor:pointer}
th[aria-sort=ascending] button::after{content:' ▲'}
th[aria-sort=descending] button::after{content:' ▼'}
@media(max-width:60rem){
#fleet,#fleet tbody,#fleet tr,#fleet td{display:block}#fleet thead{display:none}
#fleet tr{background:var(--card);border-radius:.5rem;padding:.6rem .8rem;margin:.8rem 0}
#fleet td{border:0;padding:.15rem 0 .15rem 9rem;min-height:1.5em;position:relative}
#fleet td::before{content:attr(data-title);position:absolute;left:0;color:var(--quiet);
font-size:.88rem}
#fleet tr[hidden]{display:none}
}
"""

SCRIPT = """
const body = document.querySelector('#fleet tbody'), rows = [...body.rows];
const heads = [...document.querySelectorAll('#fleet th')];
const at = name => document.getElementById(name);
const show = () => {
  const words = at('words').value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !(words.every(word => text.includes(word))
      && (!at('phase').value || row.dataset.phase === at('phase').value)
      && (!at('task').value || row.dataset.tasks.split('\\n').includes(at('task').value))
      && (!at('failed').checked || 'failed' in row.dataset));
    count += !row.hidden;
  }
  at('count').textContent = `${count} of ${rows.length}`;
};
const sort = (column, sign) => {
  const of = row => row.cells[column];
  const compare = (a, b) => {
    const [x, y] = [of(a).dataset.value, of(b).dataset.value];
    if (x === '' && y === '') return sign * of(a).textContent.localeCompare(of(b).textContent);
    if (x === 'none' || y === 'none') return (x === 'none') - (y === 'none');
    return sign * (x - y);
  };
  body.append(...rows.sort(compare));
};
heads.forEach((head, column) => head.firstChild.addEventListener('click', () => {
  const up = head.getAttribute('aria-sort') !== 'ascending';
  heads.forEach(other => other.removeAttribute('aria-sort'));
  head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
  sort(column, up ? 1 : -1);
}));
for (const name of ['words', 'phase', 'task', 'failed']) at(name).addEventListener('input', show);
show();
"""
