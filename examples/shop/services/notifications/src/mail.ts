import { config } from './config';

export interface Mail {
  to: string;
  subject: string;
  text: string;
}

export async function send(mail: Mail): Promise<void> {
  const response = await fetch(`${config.mailApiUrl}/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(mail),
    signal: AbortSignal.timeout(config.mailTimeoutMs),
  });
  if (!response.ok) {
    throw new Error(`the mail provider answered ${response.status}`);
  }
}
