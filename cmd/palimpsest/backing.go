package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"palimpsest.dev/internal/localpg"
	"palimpsest.dev/internal/locals3"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
)

// backing is what everything stands on: the database and the object store,
// with the servers this process started for them, if it did.
type backing struct {
	store    *store.Store
	blobs    *blob.Store
	postgres *localpg.Server // nil: somebody else's
	s3       *locals3.Server // nil: somebody else's
	database string          // where the database is, for people
	objects  string          // where the objects are, for people
	conf     blob.Config     // of the object store
	lock     *os.File        // on the state folder; nil where there is none
}

// stopTime bounds how long a server of ours may take to stop.
const stopTime = 20 * time.Second

// openBacking connects to database and object store. Where flags name none and
// dir is a state folder, it starts private ones in it; an empty dir refuses
// that. It migrates the database when that is private, and otherwise only with
// migrate.
func openBacking(ctx context.Context, f storeFlags, dir string, migrate bool, log *slog.Logger) (_ *backing, err error) {
	b := &backing{}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	if dir == "" {
		if f.Database == "" {
			return nil, usagef("no database: set DATABASE_URL or --database, or use `palimpsest up`, which starts one")
		}
		if f.S3Endpoint == "" {
			return nil, usagef("no object store: set PALIMPSEST_S3_ENDPOINT or --s3-endpoint, or use `palimpsest up`, which starts one")
		}
	} else if err := b.claim(dir); err != nil {
		return nil, err
	}
	dsn, err := b.openPostgres(ctx, f, dir, log)
	if err != nil {
		return nil, err
	}
	if err := b.openStore(ctx, dsn, migrate || b.postgres != nil, log); err != nil {
		return nil, err
	}
	conf, err := b.openS3(ctx, f, dir, log)
	if err != nil {
		return nil, err
	}
	return b, b.openBlobs(ctx, conf)
}

func (b *backing) openStore(ctx context.Context, dsn string, migrate bool, log *slog.Logger) (err error) {
	if migrate {
		if err := store.Migrate(ctx, dsn, log); err != nil {
			return err
		}
	}
	b.store, err = store.Open(ctx, dsn, store.Options{Log: log})
	return err
}

// openBlobs connects to the object store; its locks are the database's, where
// that is open.
func (b *backing) openBlobs(ctx context.Context, conf blob.Config) (err error) {
	b.conf = conf
	if b.store != nil {
		conf.Locker = b.store.BlobLocks()
	}
	if b.blobs, err = blob.Open(ctx, conf); err != nil {
		return fmt.Errorf("%w; check --s3-endpoint and the keys", err)
	}
	return nil
}

// claim makes the state folder ours, so that two programs do not run a
// database over the same files.
func (b *backing) claim(dir string) error {
	// Others may pass through: Postgres runs as another user when we are root.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("state folder: %w; name another with --data", err)
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return fmt.Errorf("state folder %s is in use by another palimpsest (%w): stop it, or name another folder with --data", dir, err)
	}
	b.lock = lock
	return nil
}

func (b *backing) openPostgres(ctx context.Context, f storeFlags, dir string, log *slog.Logger) (dsn string, err error) {
	if f.Database != "" {
		b.database = withoutPassword(f.Database)
		return f.Database, nil
	}
	b.postgres, err = localpg.Start(ctx, localpg.Options{Dir: filepath.Join(dir, "postgres"), Log: log})
	if err != nil {
		return "", err
	}
	b.database = b.postgres.DSN()
	return b.postgres.DSN(), nil
}

func (b *backing) openS3(ctx context.Context, f storeFlags, dir string, log *slog.Logger) (conf blob.Config, err error) {
	if f.S3Endpoint != "" {
		b.objects = fmt.Sprintf("%s, bucket %s", f.S3Endpoint, f.S3Bucket)
		return s3Config(f)
	}
	b.s3, err = locals3.Start(ctx, locals3.Options{Dir: filepath.Join(dir, "objects"), Log: log})
	if err != nil {
		return blob.Config{}, err
	}
	conf = b.s3.Config()
	b.objects = fmt.Sprintf("%s over %s, bucket %s", conf.Endpoint, filepath.Join(dir, "objects"), conf.Bucket)
	return conf, nil
}

// s3Config reads the settings of an S3 server of somebody else's.
func s3Config(f storeFlags) (blob.Config, error) {
	conf := blob.Config{Endpoint: f.S3Endpoint, AccessKey: f.S3AccessKey, SecretKey: f.S3SecretKey, Bucket: f.S3Bucket, Region: f.S3Region}
	if u, err := url.Parse(f.S3Endpoint); err == nil && u.Host != "" {
		if u.Scheme != "http" && u.Scheme != "https" || u.Path != "" && u.Path != "/" {
			return conf, usagef("S3 endpoint %q is not like https://host:port", f.S3Endpoint)
		}
		conf.Endpoint, conf.Secure = u.Host, u.Scheme == "https"
	}
	return conf, nil
}

// withoutPassword gives a database's address in a form that may be printed.
func withoutPassword(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme == "" {
		return "as given" // key=value form: it may hold a password anywhere
	}
	return u.Redacted()
}

// Close closes the connections and stops the servers this process started.
func (b *backing) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	var errs []error
	if b.store != nil {
		b.store.Close()
	}
	if b.s3 != nil {
		errs = append(errs, b.s3.Stop(ctx))
	}
	if b.postgres != nil {
		errs = append(errs, b.postgres.Stop(ctx))
	}
	if b.lock != nil {
		errs = append(errs, b.lock.Close())
	}
	return errors.Join(errs...)
}

// watchInterval is how often a private Postgres is asked whether it lives, and
// watchFailures how often in a row it may stay silent.
const (
	watchInterval = 5 * time.Second
	watchFailures = 3
)

// failed returns a channel that says when a server of ours ended by itself.
func (b *backing) failed(ctx context.Context) <-chan error {
	failed := make(chan error, 2)
	if b.s3 != nil {
		go func() {
			select {
			case <-ctx.Done():
			case <-b.s3.Done():
				failed <- errors.New("the object store ended by itself")
			}
		}()
	}
	if b.postgres != nil {
		go func() {
			tick := time.NewTicker(watchInterval)
			defer tick.Stop()
			for silent := 0; silent < watchFailures; {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				ping, cancel := context.WithTimeout(ctx, watchInterval)
				if b.store.Ping(ping) == nil {
					silent = 0
				} else {
					silent++
				}
				cancel()
			}
			failed <- errors.New("the private Postgres does not answer any more; its log lies in the state folder")
		}()
	}
	return failed
}
