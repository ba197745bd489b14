package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"palimpsest.dev/task"
)

// errHung says that a call ran into the host's own limit.
var errHung = errors.New("hung")

// process is one life of a plugin program. The fields inflight, victims and
// hung belong to the program's lock.
type process struct {
	client *plugin.Client
	runner *confined
	rpc    plugin.ClientProtocol
	task   task.Task
	words  *tail
	once   sync.Once

	inflight int  // calls
	victims  int  // calls when it was lost
	hung     bool // killed by us
}

// startProcess starts the program and shakes hands.
func startProcess(p *program) (*process, error) {
	o := p.host.opt
	now := &process{words: &tail{}}
	now.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  task.Handshake(),
		VersionedPlugins: task.Plugins(nil),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, socketDir string) (runner.Runner, error) {
			// go-plugin checks checksums only of commands it starts itself.
			secure := plugin.SecureConfig{Checksum: p.sum, Hash: sha256.New()}
			if ok, err := secure.Check(p.path); err != nil {
				return nil, err
			} else if !ok {
				return nil, fmt.Errorf("%w: the file changed since the host opened; restart to accept it", plugin.ErrChecksumsDoNotMatch)
			}
			now.runner = &confined{path: p.path, args: p.args, workDir: p.dir, env: spec.Env, dir: socketDir, memory: o.Memory, user: o.User, log: p.log}
			return now.runner, nil
		},
		SkipHostEnv:      true,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: p.host.dir},
		StartTimeout:     o.StartTimeout,
		AutoMTLS:         p.isGo, // other languages refuse the certificates; the socket's folder is private
		Logger:           newLogger(p.log),
		Stderr:           now.words,
		GRPCDialOptions: []grpc.DialOption{grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(task.MaxMessageBytes), grpc.MaxCallSendMsgSize(task.MaxMessageBytes))},
	})
	if err := now.connect(); err != nil {
		now.kill()
		if words := now.lastWords(); words != "" {
			err = fmt.Errorf("%w; it wrote: %s", err, words)
		}
		return nil, err
	}
	now.runner.cleanUp() // a running program needs its file no more, and one that is killed with us could not tidy up
	return now, nil
}

func (now *process) connect() (err error) {
	if now.rpc, err = now.client.Client(); err != nil {
		return err
	}
	raw, err := now.rpc.Dispense(task.PluginName)
	if err != nil {
		return err
	}
	now.task = raw.(task.Task)
	return nil
}

// do runs f under the call's time limit. A call that runs into that limit,
// and not into the end of the caller's own context, is errHung.
//
// The context that goes over the wire has no deadline: the plugin's end would
// watch it too, and its answer that time is up could come before we notice.
func (now *process) do(ctx context.Context, limit time.Duration, f func(context.Context, task.Task) error) error {
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { cancel(ctx.Err()) })()
	defer time.AfterFunc(limit, func() { cancel(errHung) }).Stop()
	err := f(inner, now.task)
	if err != nil && context.Cause(inner) != nil {
		return context.Cause(inner)
	}
	return err
}

// ping asks for a sign of life.
func (now *process) ping(limit time.Duration) bool {
	alive := make(chan bool, 1)
	go func() { alive <- now.rpc.Ping() == nil }()
	select {
	case ok := <-alive:
		return ok
	case <-time.After(limit):
		return false
	}
}

func (now *process) exited() bool { return now.client.Exited() }

func (now *process) pid() string { return now.client.ID() }

// killWait bounds the wait for a killed process's pipes, which a grandchild
// that left the process group may hold open.
const killWait = 5 * time.Second

// kill ends the process at once; it holds nothing that needs a farewell. It
// may be called often and waits until the process is gone.
func (now *process) kill() {
	now.once.Do(func() {
		if now.runner != nil {
			now.runner.killGroup() // first, for the client's own way asks a hung plugin politely
		}
		done := make(chan struct{})
		go func() {
			now.client.Kill()
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(killWait):
		}
		if now.runner != nil {
			now.runner.cleanUp()
		}
	})
}

// lastWords is what the plugin said of its death: the line that says why, if
// there is one, otherwise the end of what it wrote to its standard error.
func (now *process) lastWords() string { return now.words.String() }

// tail keeps the last bytes written to it, and the last line that looks like
// the reason of a death. go-plugin writes line by line.
type tail struct {
	mu     sync.Mutex
	buf    []byte
	reason string
}

const tailBytes = 400

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, start := range []string{"panic: ", "fatal error: ", "runtime: out of memory"} {
		if bytes.HasPrefix(b, []byte(start)) {
			t.reason = string(b[:min(len(b), tailBytes)])
		}
	}
	t.buf = append(t.buf, b[max(0, len(b)-tailBytes):]...)
	t.buf = t.buf[max(0, len(t.buf)-tailBytes):]
	return len(b), nil
}

// String implements fmt.Stringer.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.reason
	if s == "" {
		s = string(t.buf)
	}
	return strings.ToValidUTF8(strings.TrimSpace(s), "\uFFFD")
}
