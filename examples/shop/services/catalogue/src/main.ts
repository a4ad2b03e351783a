import { createApp } from './app';
import { config } from './config';

createApp().listen(config.port, () => console.log(`catalogue listens on ${config.port}`));
