"""The looks of a define's page."""

STYLE = """
:root{--ink:#1c2733;--dim:#66717d;--line:#d9dee3;--soft:#f5f7f9;--mark:#0b5cad}
*{box-sizing:border-box}
body{margin:0;font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:var(--ink);display:flex}
nav{position:sticky;top:0;height:100vh;overflow:auto;flex:0 0 17rem;padding:1rem;background:var(--soft);
border-right:1px solid var(--line);font-size:13px}
nav ul{list-style:none;margin:.3rem 0 .8rem;padding:0}nav li{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
nav>a{display:block;margin:.3rem 0;font-weight:600}.study{font-weight:700;font-size:15px;margin:0 0 .8rem}
main{flex:1;min-width:0;padding:1rem 2rem 6rem}
h1{font-size:24px;margin:.2rem 0 1rem}h2{font-size:19px;margin:2.4rem 0 .6rem;border-bottom:2px solid var(--line)}
h3{font-size:16px;margin:1.8rem 0 .2rem}a{color:var(--mark);text-decoration:none}a:hover{text-decoration:underline}
.dim{color:var(--dim);font-weight:400}.path{color:var(--dim);font:12px ui-monospace,monospace;overflow-wrap:anywhere}
.about{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem}dt{color:var(--dim)}dd{margin:0}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:.5rem 0;width:100%;font-size:13.5px}
th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid var(--line)}
th{background:var(--soft);position:sticky;top:0}.terms{width:auto;min-width:24rem}
tr:target td,h3:target{background:#fff6d6}.required td:first-child{border-left:3px solid var(--mark)}
details{margin:.6rem 0 .6rem 1rem}summary{cursor:pointer;font-weight:600}code,pre{font:12.5px ui-monospace,monospace}
@media print{nav{display:none}main{padding:0}th{position:static}h3{break-after:avoid}}
@media(max-width:60rem){body{display:block}nav{position:static;height:auto;border:0}}
""".replace("\n", "")
