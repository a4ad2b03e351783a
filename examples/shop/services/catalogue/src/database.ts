import { Pool } from 'pg';

import { config } from './config';

export const pool = new Pool({ connectionString: config.databaseUrl, max: config.databasePoolMax });

pool.on('error', (error) => console.error('an idle connection was lost:', error.message));
