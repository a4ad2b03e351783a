-- On the primary: who follows, and how far behind each copy is.
CREATE ROLE copies LOGIN REPLICATION;
SELECT application_name, state, replay_lag FROM pg_stat_replication ORDER BY replay_lag DESC;
-- On a copy: how old its answers are.
SELECT now() - pg_last_xact_replay_timestamp() AS lag;
