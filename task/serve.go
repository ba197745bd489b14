package task

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"palimpsest.dev/task/internal/taskpb"
)

// PluginName is the name under which a plugin program offers its task.
const PluginName = "task"

// ProtocolVersion is the version of the contract that Plugins speaks.
const ProtocolVersion = 1

// Handshake is what host and plugin show one another before anything else.
// The cookie is no secret; it only keeps people from running a plugin by hand.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  ProtocolVersion,
		MagicCookieKey:   "PALIMPSEST_TASK_PLUGIN",
		MagicCookieValue: "b2a7c6f0-read-a-page",
	}
}

// Plugins returns the plugin sets by protocol version. A plugin passes its
// task, a host passes nil and dispenses PluginName, which gives a Task.
func Plugins(t Task) map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{ProtocolVersion: {PluginName: &grpcPlugin{task: t}}}
}

// abandonAfter is how long a call that its caller gave up may go on before the
// program ends itself: a task that ignores its context would otherwise burn a
// core unseen. The host starts it anew.
const abandonAfter = 30 * time.Second

// Serve runs a task as a plugin program until the host ends it. It is all
// that the program's main function does.
func Serve(t Task) {
	if err := t.Info().Check(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  Handshake(),
		VersionedPlugins: Plugins(t),
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			o = append(o, grpc.MaxRecvMsgSize(MaxMessageBytes), grpc.MaxSendMsgSize(MaxMessageBytes), grpc.UnaryInterceptor(abandon))
			return grpc.NewServer(o...)
		},
		Logger: hclog.New(&hclog.LoggerOptions{Name: t.Info().Name, Level: hclog.Info, Output: os.Stderr, JSONFormat: true}),
	})
}

// abandon watches that a handler returns once its caller has gone.
func abandon(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	done := make(chan struct{})
	defer close(done)
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-done:
		case <-time.After(abandonAfter):
			fmt.Fprintf(os.Stderr, "a call went on for %s after its caller had gone; ending the program\n", abandonAfter)
			os.Exit(3)
		}
	})
	defer stop()
	return handler(ctx, req)
}

// grpcPlugin joins a Task to go-plugin.
type grpcPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	task Task // nil at the host's end
}

// GRPCServer is called in the plugin.
func (p *grpcPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	taskpb.RegisterTaskServer(s, &server{task: p.task})
	return nil
}

// GRPCClient is called in the host.
func (p *grpcPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return newClient(c)
}

// server answers the wire with a Task.
type server struct {
	taskpb.UnimplementedTaskServer
	task Task
}

// Info implements taskpb.TaskServer.
func (s *server) Info(context.Context, *taskpb.InfoRequest) (*taskpb.InfoReply, error) {
	_, finishes := s.task.(Finisher)
	return infoToWire(s.task.Info(), finishes), nil
}

// Plan implements taskpb.TaskServer.
func (s *server) Plan(ctx context.Context, r *taskpb.PlanRequest) (*taskpb.PlanReply, error) {
	asks, err := s.task.Plan(ctx, pageFromWire(r.GetPage()), profileFromWire(r.GetProfile()))
	if err != nil {
		return nil, toStatus(err)
	}
	return &taskpb.PlanReply{Asks: asksToWire(asks)}, nil
}

// Read implements taskpb.TaskServer.
func (s *server) Read(ctx context.Context, r *taskpb.ReadRequest) (*taskpb.Reading, error) {
	answers, err := answersFromWire(r.GetAnswers())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return s.reading(s.task.Read(ctx, pageFromWire(r.GetPage()), answers))
}

// Finish implements taskpb.TaskServer.
func (s *server) Finish(ctx context.Context, r *taskpb.FinishRequest) (*taskpb.Reading, error) {
	f, ok := s.task.(Finisher)
	if !ok {
		return nil, status.Error(codes.Unimplemented, "the task has nothing to say about documents")
	}
	return s.reading(f.Finish(ctx, documentFromWire(r)))
}

func (s *server) reading(r Reading, err error) (*taskpb.Reading, error) {
	if err != nil {
		return nil, toStatus(err)
	}
	w, err := readingToWire(r)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return w, nil
}

// toStatus gives an error the code that fromStatus knows it by.
func toStatus(err error) error {
	switch {
	case errors.Is(err, ErrInvalid):
		return status.Error(codes.InvalidArgument, err.Error())
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, err.Error())
	}
	return status.Error(codes.Unknown, err.Error())
}
