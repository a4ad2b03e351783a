"""Routes of Go programs whose groups are made elsewhere."""

from __future__ import annotations

import pytest


@pytest.fixture
def routes(joined):
    def read(files: dict[str, str]) -> list[str]:
        system = joined(
            "api: {build: ./api}", {"api/go.mod": "module api\n"} | {f"api/{name}": text for name, text in files.items()}
        )
        return [each.trigger.name for each in system.operations if each.trigger.name]

    return read


def test_groups_inside_groups_that_functions_are_handed(routes):
    files = {
        "main.go": """
            package main

            func main() {
                r := gin.Default()
                v1 := r.Group("/api")
                orders.Register(v1.Group("/orders"), db)
                v2 := v1.Group("/v2")
                v2.DELETE("/all", drop)
            }
        """,
        "orders/routes.go": """
            package orders

            func Register(router *gin.RouterGroup, db *sql.DB) {
                router.GET("", list)
                router.POST("/:id/items", func(c *gin.Context) {})
            }
        """,
    }
    assert routes(files) == ["DELETE /api/v2/all", "GET /api/orders", "POST /api/orders/:id/items"]


def test_closures_and_mounts_of_chi(routes):
    files = {
        "main.go": """
            package main

            func main() {
                r := chi.NewRouter()
                r.Route("/orders", func(r chi.Router) {
                    r.With(limit).Get("/{id:[0-9]+}", one)
                    r.Route("/{id}/items", func(r chi.Router) { r.Post("/", add) })
                    r.Group(func(r chi.Router) { r.Put("/x", change) })
                })
                r.Mount("/admin", adminRouter())
            }

            func adminRouter() http.Handler {
                r := chi.NewRouter()
                r.Get("/users", users)
                return r
            }
        """,
    }
    assert routes(files) == ["GET /admin/users", "GET /orders/{id}", "POST /orders/{id}/items", "PUT /orders/x"]


def test_subrouters_of_gorilla_and_patterns_with_methods(routes):
    files = {
        "main.go": """
            package main

            func main() {
                r := mux.NewRouter()
                s := r.PathPrefix("/v1").Subrouter()
                s.HandleFunc("/orders/{id:[0-9]+}", one).Methods("GET", http.MethodDelete)
                http.HandleFunc("PUT /direct/{id}", put)
                http.HandleFunc(name+"/unknown", other)
            }
        """,
    }
    assert routes(files) == ["DELETE /v1/orders/{id}", "GET /v1/orders/{id}", "PUT /direct/{id}"]


def test_groups_that_are_made_of_each_other_end(routes):
    text = 'package main\n\nfunc f(r *gin.RouterGroup) {\n\tr = r.Group("/a")\n\tf(r)\n\tr.GET("/x", x)\n}\n'
    (name,) = routes({"main.go": text})
    assert name.endswith("/x")
