package task

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"palimpsest.dev/task/internal/taskpb"
)

// infoTimeout bounds the call that asks a fresh plugin who it is.
const infoTimeout = 10 * time.Second

// client is a Task at the other end of a connection.
type client struct {
	wire taskpb.TaskClient
	info Info
}

// finishingClient is a client whose plugin is a Finisher.
type finishingClient struct{ *client }

// newClient asks the plugin who it is. What comes back implements Task, and
// Finisher if the plugin's task does.
func newClient(c *grpc.ClientConn) (Task, error) {
	ctx, cancel := context.WithTimeout(context.Background(), infoTimeout)
	defer cancel()
	out := &client{wire: taskpb.NewTaskClient(c)}
	reply, err := out.wire.Info(ctx, &taskpb.InfoRequest{})
	if err != nil {
		return nil, fmt.Errorf("asking the plugin who it is: %w", err)
	}
	out.info = infoFromWire(reply)
	if err := out.info.Check(); err != nil {
		return nil, fmt.Errorf("the plugin's own description: %w", err)
	}
	if reply.GetFinishes() {
		return finishingClient{out}, nil
	}
	return out, nil
}

// Info implements Task.
func (c *client) Info() Info { return c.info }

// Plan implements Task.
func (c *client) Plan(ctx context.Context, page Page, how Profile) ([]Ask, error) {
	reply, err := c.wire.Plan(ctx, &taskpb.PlanRequest{Page: pageToWire(page), Profile: profileToWire(how)})
	if err != nil {
		return nil, fromStatus(err)
	}
	return asksFromWire(reply.GetAsks()), nil
}

// Read implements Task.
func (c *client) Read(ctx context.Context, page Page, answers []Answer) (Reading, error) {
	reply, err := c.wire.Read(ctx, &taskpb.ReadRequest{Page: pageToWire(page), Answers: answersToWire(answers)})
	if err != nil {
		return Reading{}, fromStatus(err)
	}
	return readingFromWire(reply), nil
}

// Finish implements Finisher.
func (c finishingClient) Finish(ctx context.Context, doc Document) (Reading, error) {
	request, err := documentToWire(doc)
	if err != nil {
		return Reading{}, err
	}
	reply, err := c.wire.Finish(ctx, request)
	if err != nil {
		return Reading{}, fromStatus(err)
	}
	return readingFromWire(reply), nil
}

// ErrLost is wrapped by errors that mean that the connection to the plugin
// broke, mostly because it died.
var ErrLost = errors.New("plugin lost")

// ErrNonsense is wrapped when a plugin's reply cannot be what a task says.
var ErrNonsense = errors.New("plugin answered nonsense")

// ErrQuarantined is wrapped when a page is not shown to a plugin any more, because it has killed it twice.
var ErrQuarantined = errors.New("page is quarantined: it killed the plugin twice")

// ErrMessage is wrapped when a request or a reply is larger than
// MaxMessageBytes.
var ErrMessage = errors.New("message too large")

// fromStatus gives a wire error the plain error it stands for.
func fromStatus(err error) error {
	s, _ := status.FromError(err)
	switch s.Code() {
	case codes.InvalidArgument:
		return &plainError{ErrInvalid, s.Message()}
	case codes.Canceled:
		return &plainError{context.Canceled, s.Message()}
	case codes.DeadlineExceeded:
		return &plainError{context.DeadlineExceeded, s.Message()}
	case codes.ResourceExhausted:
		return &plainError{ErrMessage, s.Message()}
	case codes.Unavailable:
		return &plainError{ErrLost, s.Message()}
	case codes.Internal, codes.Unimplemented:
		return &plainError{ErrNonsense, s.Message()}
	}
	return errors.New(s.Message())
}

// plainError keeps the plugin's words and the sentinel they stand for.
type plainError struct {
	is   error
	text string
}

// Error implements error.
func (e *plainError) Error() string { return e.text }

// Unwrap gives the sentinel.
func (e *plainError) Unwrap() error { return e.is }
