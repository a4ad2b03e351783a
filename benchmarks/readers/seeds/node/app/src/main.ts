import express, { Router } from 'express';
import axios from 'axios';
const { Pool } = require('pg');
const pool = new Pool({ connectionString: process.env.DB ?? `postgres://db/${name}` });
const app = express();
const r = Router();
app.use('/v1', r);
r.get('/orders/:id', async (req, res) => {
  const a = await pool.query('SELECT * FROM orders WHERE id = $1', [1]);
  for (const x of a.rows) { await axios.get(`http://stock:8080/${x.id}`, { timeout: 100 }); }
  await Promise.all(a.map(async (y) => fetch(y)));
  try { res.json(a); } catch (e) { throw e; } finally { z(); }
});
app.listen(80);
