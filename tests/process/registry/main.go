// A schema registry in memory that is not ours, franz-go's srfake: prints its address and serves until its input ends.
// It says yes to every schema; whether one fits is judged by hamba/avro, that is not ours either.
//
//	-cert and -key: serves over TLS; -user and -password: asks for them
package main

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// get asks the registry itself.
func get(registry http.Handler, auth, path string, into any) bool {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	request.Header.Set("Authorization", auth)
	answer := httptest.NewRecorder()
	registry.ServeHTTP(answer, request)
	return answer.Code == http.StatusOK && json.Unmarshal(answer.Body.Bytes(), into) == nil
}

func parse(text string) (avro.Schema, error) { return avro.ParseWithCache(text, "", &avro.SchemaCache{}) }

// misfit says why data of one schema cannot be read with the other; "" where it can.
func misfit(level, next, now string) string {
	newer, err := parse(next)
	if err != nil {
		return err.Error()
	}
	older, err := parse(now)
	if err != nil {
		return err.Error()
	}
	both := strings.HasPrefix(level, "FULL")
	if strings.HasPrefix(level, "BACKWARD") || both {
		err = avro.NewSchemaCompatibility().Compatible(newer, older)
	}
	if err == nil && (strings.HasPrefix(level, "FORWARD") || both) {
		err = avro.NewSchemaCompatibility().Compatible(older, newer)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func judge(registry http.Handler, auth string) srfake.Interceptor {
	return func(w http.ResponseWriter, r *http.Request) bool {
		subject, _, asked := strings.Cut(strings.TrimPrefix(r.URL.Path, "/compatibility/subjects/"), "/versions/latest")
		if !asked || !strings.HasPrefix(r.URL.Path, "/compatibility/") {
			return false
		}
		var next, now sr.Schema
		var config struct{ CompatibilityLevel string }
		if json.NewDecoder(r.Body).Decode(&next) != nil || next.Type != sr.TypeAvro ||
			!get(registry, auth, "/subjects/"+subject+"/versions/latest", &now) ||
			!get(registry, auth, "/config/"+subject, &config) {
			return false
		}
		why := misfit(config.CompatibilityLevel, next.Schema, now.Schema)
		answer := map[string]any{"is_compatible": why == ""}
		if why != "" {
			answer["messages"] = []string{why}
		}
		w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		json.NewEncoder(w).Encode(answer)
		return true
	}
}

func main() {
	cert, key := flag.String("cert", "", "certificate"), flag.String("key", "", "its key")
	user, password := flag.String("user", "", "user"), flag.String("password", "", "password")
	flag.Parse()
	var options []srfake.Option
	auth := "Basic " + base64.StdEncoding.EncodeToString([]byte(*user+":"+*password))
	if *user != "" {
		options = append(options, srfake.WithAuth(auth))
	}
	registry := srfake.NewRegistry(options...)
	registry.Intercept(judge(registry.Handler(), auth))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	if *cert != "" {
		fmt.Printf("https://localhost:%d\n", address.Port)
		go http.ServeTLS(listener, registry.Handler(), *cert, *key)
	} else {
		fmt.Printf("http://127.0.0.1:%d\n", address.Port)
		go http.Serve(listener, registry.Handler())
	}
	io.Copy(io.Discard, os.Stdin)
}
