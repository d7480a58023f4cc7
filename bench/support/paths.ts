import path from 'node:path';

export const root = path.resolve(__dirname, '..', '..');
export const benchFolder = path.join(root, 'bench');
