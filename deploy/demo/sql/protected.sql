-- Staging's own tables, and its own rows in a table that is replicated: the same before and after.

          SELECT 'users: ' || count(*), md5(string_agg(md5(x::text), '' ORDER BY id)) FROM users x
UNION ALL SELECT 'quote_requests: ' || count(*), md5(string_agg(md5(x::text), '' ORDER BY id)) FROM quote_requests x
UNION ALL SELECT 'saved_searches: ' || count(*), md5(string_agg(md5(x::text), '' ORDER BY id)) FROM saved_searches x
UNION ALL SELECT 'test_cases: ' || count(*), md5(string_agg(md5(x::text), '' ORDER BY id)) FROM test_cases x
UNION ALL SELECT 'bookmarks: ' || count(*), md5(string_agg(md5(x::text), '' ORDER BY id)) FROM bookmarks x
UNION ALL SELECT 'settings, staging.*: ' || count(*), md5(string_agg(md5(x::text), '' ORDER BY key)) FROM settings x WHERE key LIKE 'staging.%';
