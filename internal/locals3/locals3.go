// Package locals3 runs an S3 server over a folder on this machine: versitygw, in a child process that is this same
// executable once more.
//
// It is a child, although versitygw is a library, because the library works relative to the current directory (it
// changes it, for the whole process), keeps its settings in package variables and so allows one server per process.
// A program that starts the server must call Child first thing in main, and a test binary in TestMain:
//
//	if locals3.Child() {
//		os.Exit(locals3.RunChild())
//	}
package locals3

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"palimpsest.dev/store/blob"
)

const (
	// Bucket is what Config names; Start makes it.
	Bucket = "palimpsest"
	region = "us-east-1"
	// startWithin bounds one try to start the server; it takes some 30 ms.
	startWithin = 30 * time.Second
	// portTries bounds how often another port is tried, where the port is ours to choose and was taken from under us.
	portTries = 5
)

// Options say where the server keeps its files and where it listens.
type Options struct {
	Dir  string       // made when missing; objects, their metadata and the credentials lie in it
	Addr string       // host:port; empty: a free port of 127.0.0.1
	Log  *slog.Logger // nil means slog.Default()
}

// Server is a running S3 server.
type Server struct {
	child *child
	conf  settings
}

// settings are what is kept in Dir, readable by the owner only, from the first start on.
type settings struct {
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
	Metadata  string `json:"metadata"` // "xattr", or "sidecar" where the file system has none; must not change later
	Dir       string `json:"-"`
	Addr      string `json:"-"`
}

// Start starts the server and waits until it answers. It ends with Stop, or with this process.
func Start(ctx context.Context, o Options) (*Server, error) {
	if os.Getenv(childEnv) != "" {
		return nil, errors.New("locals3: this process was started as the server itself but did not call locals3.Child and RunChild, first thing in main or TestMain")
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("locals3: %s: %w", o.Dir, err)
	}
	conf, err := prepare(dir)
	if err != nil {
		return nil, fmt.Errorf("locals3: %w", err)
	}
	tries := 1
	if o.Addr == "" {
		tries = portTries
	}
	for range tries {
		if conf.Addr = o.Addr; conf.Addr == "" {
			if conf.Addr, err = freePort(); err != nil {
				return nil, fmt.Errorf("locals3: %w", err)
			}
		}
		var c *child
		if c, err = startChild(ctx, conf, o.Log); err == nil {
			return &Server{child: c, conf: conf}, nil
		}
	}
	return nil, fmt.Errorf("locals3: server over %s at %s: %w", dir, conf.Addr, err)
}

// Config is what blob.Open needs to use the server.
func (s *Server) Config() blob.Config { return s.conf.config() }

func (c settings) config() blob.Config {
	return blob.Config{Endpoint: c.Addr, AccessKey: c.AccessKey, SecretKey: c.SecretKey, Bucket: Bucket, Region: region}
}

// Pid is the server's process, for those who want to see what happens when it dies.
func (s *Server) Pid() int { return s.child.cmd.Process.Pid }

// Done is closed when the server has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.child.done }

// Stop ends the server once its requests are answered, or at once when ctx ends.
func (s *Server) Stop(ctx context.Context) error { return s.child.stop(ctx) }

// prepare makes the folders, and the credentials at the first start.
func prepare(dir string) (settings, error) {
	conf := settings{Dir: dir}
	for _, d := range []string{dir, filepath.Join(dir, "data"), filepath.Join(dir, "meta")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return conf, err
		}
	}
	file := filepath.Join(dir, "credentials.json")
	b, err := os.ReadFile(file)
	if err == nil {
		if err := json.Unmarshal(b, &conf); err != nil {
			return conf, fmt.Errorf("%s: %w", file, err)
		}
		return conf, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return conf, err
	}
	var key [28]byte
	rand.Read(key[:])
	conf.AccessKey, conf.SecretKey = "palimpsest"+hex.EncodeToString(key[:4]), hex.EncodeToString(key[4:])
	if conf.Metadata = "sidecar"; hasXattr(filepath.Join(dir, "data")) {
		conf.Metadata = "xattr"
	}
	b, err = json.Marshal(conf)
	if err != nil {
		return conf, err
	}
	// Written beside and renamed, so that a crash leaves no half of it.
	if err := os.WriteFile(file+".new", b, 0o600); err != nil {
		return conf, err
	}
	return conf, os.Rename(file+".new", file)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
