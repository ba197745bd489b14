// Command palimpsest turns PDFs and scans into rows: it renders pages, has the
// model inside it read them, and keeps the words with their boxes in Postgres
// and the bytes in S3. Here the parts are joined; flags and environment are
// read nowhere else. Every subcommand has a file of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"palimpsest.dev/internal/locals3"
	"palimpsest.dev/render"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // something could not be done: pages failed, a part is broken
	exitUsage  = 2 // the command was called wrongly
)

// commands is the command line.
type commands struct {
	Verbose bool `short:"v" help:"Log what is going on, not only what goes wrong." env:"PALIMPSEST_VERBOSE"`

	Up      upCmd      `cmd:"" help:"Start everything on this machine: Postgres, object store, web, workers."`
	Serve   serveCmd   `cmd:"" help:"Serve the HTTP interface only."`
	Work    workCmd    `cmd:"" help:"Work on the queue only: rendering, model, plugins."`
	Migrate migrateCmd `cmd:"" help:"Bring the database's schema up to date."`
	Run     runCmd     `cmd:"" help:"Read files without any database."`
	Ask     askCmd     `cmd:"" help:"Ask the model about pages: captions, objects, questions, how likely answers are."`
	Submit  submitCmd  `cmd:"" help:"Submit documents to a running server."`
	Status  statusCmd  `cmd:"" help:"Show the state of documents."`
	Results resultsCmd `cmd:"" help:"Print what was read in a document."`
	Export  exportCmd  `cmd:"" help:"Take documents out into a folder with checksums, or check one."`
	Cancel  cancelCmd  `cmd:"" help:"Cancel a document's work."`
	Rerun   rerunCmd   `cmd:"" help:"Read pages again by a better model or other options; old rows stay until promoted."`
	Runs    runsCmd    `cmd:"" help:"List the runs over documents, and what became current when."`
	Diff    diffCmd    `cmd:"" help:"Show how two runs read the same pages."`
	Regions regionsCmd `cmd:"" help:"List the regions of pages, or draw one by hand."`
	Correct correctCmd `cmd:"" help:"Correct what was read, list corrections, or take one back."`
	Promote promoteCmd `cmd:"" help:"Make a run current, or take that back."`
	Source  sourceCmd  `cmd:"" help:"Scan folders and buckets on a schedule."`
	Models  modelsCmd  `cmd:"" help:"Describe, pack and verify models."`
	Plugins pluginsCmd `cmd:"" help:"List the tasks, or test a plugin program of your own."`
	Doctor  doctorCmd  `cmd:"" help:"Find out what is wrong with this installation."`
	Demo    demoCmd    `cmd:"" help:"Process the bundled samples and print what was read."`
	Bench   benchCmd   `cmd:"" help:"Measure ingestion, queue and model on this machine."`
	Eval    evalCmd    `cmd:"" help:"Measure accuracy on labelled documents."`
	Version versionCmd `cmd:"" help:"Print versions of program, renderer and kernels."`
}

// session is what every subcommand's Run gets: the context that ends with the
// first interrupt, the streams and the log.
type session struct {
	context.Context
	stdin          io.Reader
	stdout, stderr io.Writer
	log            *slog.Logger
}

// usageError says that the command was called wrongly.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, a ...any) error { return &usageError{fmt.Sprintf(format, a...)} }

// errReported ends the program with exitFailed when all there is to say about
// it has been printed.
var errReported = errors.New("some pages failed")

func main() {
	if code, child := runChild(); child {
		os.Exit(code)
	}
	os.Exit(command(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// runChild does the work of a child, where this process is one: the renderer
// parses untrusted bytes, and the local object store runs, in this same program
// started again, which must do nothing else then.
func runChild() (code int, child bool) {
	switch {
	case render.Child():
		return render.RunChild(), true
	case locals3.Child():
		return locals3.RunChild(), true
	}
	return 0, false
}

// command runs one command line and returns the exit code.
func command(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var cli commands
	code := -1
	parser, err := kong.New(&cli,
		kong.Name("palimpsest"),
		kong.Description("PDFs and scans in, words with boxes out."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(c int) { code = c; panic(exited{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "palimpsest:", err)
		return exitUsage
	}
	parsed, done := parse(parser, args)
	if done { // --help was asked for and printed
		return code
	}
	if parsed.err != nil {
		fmt.Fprintf(stderr, "palimpsest: %v\n", parsed.err)
		fmt.Fprintln(stderr, "Run `palimpsest --help` or `palimpsest COMMAND --help` for what is possible.")
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt kills
	level := slog.LevelWarn
	if cli.Verbose {
		level = slog.LevelInfo
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	slog.SetDefault(log) // for libraries that write to the standard log
	s := &session{Context: ctx, stdin: stdin, stdout: stdout, stderr: stderr, log: log}
	if unsealed() {
		fmt.Fprintln(stderr, "palimpsest: PALIMPSEST_UNSEALED=1: where the system cannot seal off the process that parses files, they are parsed all the same")
	}
	return exitCode(parsed.context.Run(s), stderr)
}

// exited carries kong's wish to end the program out of its parser.
type exited struct{}

type parseResult struct {
	context *kong.Context
	err     error
}

// parse parses the command line; done says that help was printed.
func parse(parser *kong.Kong, args []string) (result parseResult, done bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(exited); !ok {
				panic(r)
			}
			done = true
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	result.context, result.err = parser.Parse(args)
	return result, false
}

// exitCode prints what went wrong and says how the program ends.
func exitCode(err error, stderr io.Writer) int {
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errReported):
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "palimpsest: %v\n", err)
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "palimpsest: interrupted")
		return exitFailed
	}
	fmt.Fprintf(stderr, "palimpsest: %v\n", err)
	return exitFailed
}
