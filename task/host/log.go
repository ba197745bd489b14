package host

import (
	"context"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// logger lets go-plugin write into slog. Its own remarks are of interest only
// when something is being looked for, and it reports every plugin that we
// kill as an error, so they go out as debug; what the plugin itself writes,
// which comes through a named logger, keeps its level.
type logger struct {
	hclog.Logger // the null logger answers what is not overridden below
	to           *slog.Logger
	plugin       bool // from the plugin
}

func newLogger(to *slog.Logger) hclog.Logger {
	return &logger{Logger: hclog.NewNullLogger(), to: to}
}

func (l *logger) write(level slog.Level, msg string, args []any) {
	if !l.plugin {
		level = slog.LevelDebug
	}
	l.to.Log(context.Background(), level, msg, args...)
}

// Log implements hclog.Logger.
func (l *logger) Log(level hclog.Level, msg string, args ...any) {
	switch level {
	case hclog.Error:
		l.Error(msg, args...)
	case hclog.Warn:
		l.Warn(msg, args...)
	case hclog.Info:
		l.Info(msg, args...)
	default:
		l.Debug(msg, args...)
	}
}

// Trace implements hclog.Logger.
func (l *logger) Trace(msg string, args ...any) { l.write(slog.LevelDebug-4, msg, args) }

// Debug implements hclog.Logger.
func (l *logger) Debug(msg string, args ...any) { l.write(slog.LevelDebug, msg, args) }

// Info implements hclog.Logger.
func (l *logger) Info(msg string, args ...any) { l.write(slog.LevelInfo, msg, args) }

// Warn implements hclog.Logger.
func (l *logger) Warn(msg string, args ...any) { l.write(slog.LevelWarn, msg, args) }

// Error implements hclog.Logger.
func (l *logger) Error(msg string, args ...any) { l.write(slog.LevelError, msg, args) }

// GetLevel implements hclog.Logger: go-plugin skips parsing what would not be
// written, and slog decides that itself.
func (l *logger) GetLevel() hclog.Level { return hclog.Debug }

// With implements hclog.Logger.
func (l *logger) With(args ...any) hclog.Logger {
	return &logger{Logger: l.Logger, to: l.to.With(args...), plugin: l.plugin}
}

// Named implements hclog.Logger. go-plugin names the logger that carries the
// plugin's own lines after the program.
func (l *logger) Named(name string) hclog.Logger {
	return &logger{Logger: l.Logger, to: l.to, plugin: name != "stdio"}
}

// ResetNamed implements hclog.Logger.
func (l *logger) ResetNamed(name string) hclog.Logger { return l.Named(name) }
