export const config = {
  port: Number(process.env.PORT ?? 3002),
  redisUrl: process.env.REDIS_URL ?? 'redis://localhost:6379/1',
  jwtSecret: required('JWT_SECRET'),
};

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the service cannot verify tokens without it`);
  return value;
}
