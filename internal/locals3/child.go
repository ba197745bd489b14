package locals3

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"palimpsest.dev/internal/spawn"
	"palimpsest.dev/store/blob"
)

// childEnv marks the process that is the server. Its settings come by standard input, where other users cannot see
// the credentials, and the end of that tells it that its parent is gone.
const childEnv = "PALIMPSEST_LOCALS3_CHILD"

const healthPath = "/healthz"

// child is the server's process, seen from its parent.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	done  <-chan struct{}
	last  *lastLines
}

func startChild(ctx context.Context, conf settings, log *slog.Logger) (*child, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// A test binary that lacks the call to Child runs no test with this argument; a program ignores it, because it
	// calls Child before it looks at its arguments.
	cmd := exec.Command(exe, "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Dir = "/"
	cmd.SysProcAttr = childAttr()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, stdin: stdin, last: &lastLines{log: log}}
	cmd.Stdout, cmd.Stderr = c.last, c.last
	if c.done, err = spawn.Start(cmd); err != nil { // why it ends will be in its last lines
		return nil, err
	}
	message, _ := json.Marshal(childSettings(conf)) // strings only
	if _, err := stdin.Write(append(message, '\n')); err != nil {
		c.kill()
		return nil, fmt.Errorf("%w; it said: %s", err, c.last)
	}
	if err := c.answers(ctx, conf.Addr); err != nil {
		c.kill()
		return nil, err
	}
	// Whoever listens there need not be our child, which ends when the address is in use: only ours knows the secret.
	if _, err := blob.Open(ctx, conf.config()); err != nil {
		c.kill()
		return nil, fmt.Errorf("another server may be at this address: %w; ours said: %s", err, c.last)
	}
	return c, nil
}

// childSettings is settings with every field in the message.
type childSettings struct{ AccessKey, SecretKey, Metadata, Dir, Addr string }

// answers waits until the server of this child answers.
func (c *child) answers(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return fmt.Errorf("ended before it answered (does main or TestMain call locals3.Child?); it said: %s", c.last)
		case <-ctx.Done():
			return fmt.Errorf("did not answer: %w; it said: %s", ctx.Err(), c.last)
		case <-tick.C:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+healthPath, nil)
		if err != nil {
			return err
		}
		if r, err := http.DefaultClient.Do(req); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
}

// stop asks the child to end, by closing its input, and kills it when ctx ends first.
func (c *child) stop(ctx context.Context) error {
	_ = c.stdin.Close()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		c.kill()
		return fmt.Errorf("locals3: server had to be killed: %w", ctx.Err())
	}
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.done
}

// Child reports whether this process was started to be the server.
func Child() bool { return os.Getenv(childEnv) != "" }

// RunChild is the server: it returns the exit status when its parent closes its standard input or dies.
func RunChild() int {
	if err := serve(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "locals3:", err)
		return 1
	}
	return 0
}

func serve(control io.Reader) error {
	in := bufio.NewReader(control)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	var conf childSettings
	if err := json.Unmarshal(line, &conf); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in) // until the parent lets go
		cancel()
	}()
	var attributes meta.MetadataStorer = meta.XattrMeta{}
	opts := posix.PosixOpts{
		NewDirPerm: 0o700, NewFilePerm: 0o600, Concurrency: 64,
		CopyObjectThreshold: 5 << 30, // as a library its default of 0 refuses every copy
	}
	if conf.Metadata == "sidecar" {
		opts.SideCarDir = filepath.Join(conf.Dir, "meta")
		if attributes, err = meta.NewSideCar(opts.SideCarDir); err != nil {
			return err
		}
	}
	backend, err := posix.New(filepath.Join(conf.Dir, "data"), attributes, opts)
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
		RootUserAccess: conf.AccessKey, RootUserSecret: conf.SecretKey, Region: region, Ports: []string{conf.Addr},
		MaxConnections: 1000, MaxRequests: 500, MultipartMaxParts: 10000, Quiet: true, KeepAlive: true, HealthPath: healthPath,
	})
}

// lastLines passes what the server says to the log and keeps the end of it for error messages.
type lastLines struct {
	log  *slog.Logger
	mu   sync.Mutex
	kept []byte
}

const keepBytes = 2000

func (l *lastLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, p...)
	if n := len(l.kept); n > keepBytes {
		l.kept = append([]byte(nil), l.kept[n-keepBytes:]...)
	}
	for line := range strings.Lines(string(p)) {
		if line = strings.TrimSpace(line); line != "" {
			l.log.Debug("s3 server", "says", line)
		}
	}
	return len(p), nil
}

// String is what was said last.
func (l *lastLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := strings.TrimSpace(string(l.kept)); s != "" {
		return s
	}
	return "nothing"
}
