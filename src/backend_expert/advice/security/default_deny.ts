import express, { type NextFunction, type Request, type Response } from 'express';

type Verify = (token: string) => Promise<{ subject: string; roles: string[] } | null>;

/** Routes that are open on purpose, each with its method; whatever is not here asks for a login. */
const OPEN = new Set(['POST /login', 'POST /users', 'GET /products']);

export function protectedApplication(verify: Verify): express.Express {
  const application = express();
  application.use(async (request: Request, response: Response, next: NextFunction) => {
    if (OPEN.has(`${request.method} ${request.path}`)) {
      next();
      return;
    }
    const [scheme, token] = (request.get('authorization') ?? '').split(' ');
    const user = scheme === 'Bearer' && token ? await verify(token) : null;
    if (user === null) {
      response.status(401).json({ title: 'Log in first.' });
      return;
    }
    response.locals['user'] = user;
    next();
  });
  application.use('/admin', (_: Request, response: Response, next: NextFunction) => {
    if ((response.locals['user'] as { roles: string[] }).roles.includes('administrator')) {
      next();
      return;
    }
    response.status(403).json({ title: 'This is for administrators.' });
  });
  return application;
}
