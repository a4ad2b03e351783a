-- Read and write in one serializable transaction; whoever would cross it gets 40001 and starts again.
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM duty WHERE on_call;
UPDATE duty SET on_call = false WHERE doctor = 'Alice';
COMMIT;

-- Where only a few statements may cross, a row that all of them lock first costs less.
BEGIN;
SELECT shift FROM shift WHERE shift = 'night' FOR UPDATE;
UPDATE duty SET on_call = false WHERE doctor = 'Bob';
COMMIT;
