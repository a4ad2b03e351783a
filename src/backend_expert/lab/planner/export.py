"""The one statement to run on production: it reads statistics and settings and changes nothing."""

from __future__ import annotations

_TEMPLATE = """\
-- Planner statistics for 'backend-expert queries --stats FILE'. It reads the catalogue only and changes nothing.
-- {reveals}
-- Run it as a role that may read the tables (pg_monitor or the owner), for example:
--   psql -X -A -t -d DATABASE -f export.sql > stats.json
SELECT json_build_object(
  'format', 'backend-expert/statistics/1',
  'redacted', {redacted},
  'server_version_num', current_setting('server_version_num')::int,
  'now', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
  'stats_reset', (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()),
  'collation', (SELECT CASE WHEN to_jsonb(d) ->> 'datlocprovider' = 'b' THEN 'C.builtin' ELSE d.datcollate END
                FROM pg_database d WHERE d.datname = current_database()),
  'extended_statistics', EXISTS (SELECT FROM pg_statistic_ext),
  'pg_class', (
    SELECT coalesce(json_agg(json_build_object('schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'relpages', c.relpages,
             'reltuples', c.reltuples, 'relallvisible', c.relallvisible) ORDER BY n.nspname, c.relname), '[]')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm', 'p', 'i', 'I') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')),
  'pg_stats', (
    SELECT coalesce(json_agg(json_build_object('schema', s.schemaname, 'table', s.tablename, 'column', s.attname, 'inherited', s.inherited,
             'null_frac', s.null_frac, 'avg_width', s.avg_width, 'n_distinct', s.n_distinct,
             'most_common_vals', {common}, 'most_common_freqs', s.most_common_freqs,
             'histogram_bounds', {bounds}, 'correlation', s.correlation,
             'most_common_elems', {elements}, 'most_common_elem_freqs', {element_frequencies},
             'elem_count_histogram', s.elem_count_histogram,
             'range_length_histogram', {range_length}, 'range_empty_frac', to_jsonb(s) -> 'range_empty_frac',
             'range_bounds_histogram', {range_bounds})
             ORDER BY s.schemaname, s.tablename, s.attname, s.inherited), '[]')
    FROM pg_stats s
    LEFT JOIN pg_attribute a ON a.attrelid = to_regclass(format('%I.%I', s.schemaname, s.tablename)) AND a.attname = s.attname
    LEFT JOIN pg_type t ON t.oid = a.atttypid
    WHERE s.schemaname NOT IN ('pg_catalog', 'information_schema')),
  'pg_settings', (
    SELECT coalesce(json_agg(json_build_object('name', name, 'setting', setting)
             ORDER BY name), '[]')
    FROM pg_settings WHERE category LIKE 'Query Tuning%' OR name IN ('work_mem', 'hash_mem_multiplier', 'max_parallel_workers',
      'max_parallel_workers_per_gather', 'effective_io_concurrency')),
  'pg_stat_user_indexes', (
    SELECT coalesce(json_agg(json_build_object('schema', schemaname, 'name', indexrelname, 'scans', idx_scan)
             ORDER BY schemaname, indexrelname), '[]') FROM pg_stat_user_indexes),
  'sequences', (
    SELECT coalesce(json_agg(json_build_object('table', t.relname, 'column', a.attname, 'last_value', q.last_value)
             ORDER BY t.relname, a.attname), '[]')
    FROM pg_sequences q
    JOIN pg_depend d ON d.objid = to_regclass(format('%I.%I', q.schemaname, q.sequencename)) AND d.deptype IN ('a', 'i')
    JOIN pg_class t ON t.oid = d.refobjid
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid)
)::text;
"""

_REVEALS = "It reveals: names, sizes, settings, and the most common and sampled values of every column. They are real data."
_REDACTED = "It reveals: names, sizes, settings, numbers and dates. Texts are hashed or left out: some estimates get worse."
_PLAIN = {
    "redacted": "false",
    "reveals": _REVEALS,
    "common": "s.most_common_vals::text",
    "bounds": "s.histogram_bounds::text",
    "elements": "s.most_common_elems::text",
    "element_frequencies": "s.most_common_elem_freqs",
    "range_length": "to_jsonb(s) -> 'range_length_histogram'",
    "range_bounds": "to_jsonb(s) -> 'range_bounds_histogram'",
}
_HASHED = _PLAIN | {
    "redacted": "true",
    "reveals": _REDACTED,
    # Numbers, dates and booleans stay: selectivities of ranges hang on them. Texts keep their number and frequencies, not their order.
    "common": (
        "CASE WHEN t.typcategory IN ('N', 'D', 'B', 'T') THEN s.most_common_vals::text WHEN t.typname IN ('text', 'varchar', 'bpchar') "
        "THEN (SELECT array_agg(left(md5(v), CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 ELSE 32 END) ORDER BY o)::text "
        "FROM unnest(s.most_common_vals::text::text[]) WITH ORDINALITY u(v, o)) END"
    ),
    "bounds": "CASE WHEN t.typcategory IN ('N', 'D', 'B', 'T') THEN s.histogram_bounds::text END",
    "elements": "NULL",
    "element_frequencies": "NULL",
    "range_length": "NULL",
    "range_bounds": "NULL",
}

DUMP_COMMAND = "pg_dump --statistics-only --no-owner -d DATABASE > stats.sql"
"""What does the same for people who have `pg_dump` 18 at hand; it reads servers from 9.2 on and always holds values."""


def export_statement(*, redact: bool = False) -> str:
    """Return the statement that exports statistics and settings as one JSON document; `redact` hides texts."""
    text = _TEMPLATE
    for name, words in (_HASHED if redact else _PLAIN).items():
        text = text.replace("{" + name + "}", words)
    return text
