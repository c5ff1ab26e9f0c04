// Texts with SQL, patterns and characters that must have no effect.
export const ATTACKS = [
  `' OR '1'='1`,
  `x'); DROP TABLE orders; --`,
  `") OR ("1"="1`,
  `$1 :name ? {0} %s`,
  `\\'; SELECT set_config('app.tenant_id', '', false); --`,
  `%\\`,
  `a\u0000b`,
  `\ud800`,
  `\u202e\ufeff\u{1f6a2}`,
]
