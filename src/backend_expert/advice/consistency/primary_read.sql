-- On the primary, after the commit: the position in the log that the client has to see. Send it along.
SELECT pg_current_wal_lsn();

-- On a replica, before reading for that client: is it there already? If not, read from the primary. (Null on a primary.)
SELECT pg_last_wal_replay_lsn() >= '0/3000060'::pg_lsn AS caught_up;
