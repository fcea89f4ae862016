// `npm start` is `bulla up`. The start script sets UV_THREADPOOL_SIZE, which only counts before Node itself starts.
process.argv.splice(2, 0, 'up');
await import('../packages/cli/bin/bulla.js');
