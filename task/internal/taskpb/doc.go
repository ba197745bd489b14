// Package taskpb is the generated wire form of package task; task.proto is
// its source. Nothing outside package task uses it.
package taskpb

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative task.proto
