import { createApp } from './app';
import { config } from './config';
import { startShipping } from './shipping';

startShipping()
  .then(() => createApp().listen(config.port, () => console.log(`inventory listens on ${config.port}`)))
  .catch((error: unknown) => {
    console.error('inventory cannot start:', error);
    process.exit(1);
  });
