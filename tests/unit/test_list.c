/* SPDX-License-Identifier: MIT */
/* Nodes go in and out of lists, also while a list is walked. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

struct item {
    int number;
    struct list node;
};

/* The numbers in HEAD, read forwards and backwards, must be NUMBERS, which end with 0. */
static void assert_holds(const struct list *head, const int *numbers) {
    const struct list *node = head->next;
    size_t n = 0;
    for (; numbers[n]; n++, node = node->next) {
        assert_ptr_not_equal(node, head);
        assert_int_equal(list_entry(node, struct item, node)->number, numbers[n]);
    }
    assert_ptr_equal(node, head);
    for (node = head->prev; n--; node = node->prev)
        assert_int_equal(list_entry(node, struct item, node)->number, numbers[n]);
    assert_ptr_equal(node, head);
}

#define ASSERT_HOLDS(head, ...) assert_holds(head, (const int[]){__VA_ARGS__, 0})

static void fill(struct list *head, struct item items[3]) {
    list_init(head);
    for (int i = 0; i < 3; i++) {
        items[i].number = i + 1;
        list_push_back(head, &items[i].node);
    }
}

static void keeps_order(void **state) {
    (void)state;
    struct list head;
    struct item items[3], first = {.number = 9}, between = {.number = 8};
    list_init(&head);
    assert_true(list_empty(&head));
    assert_null(list_pop_front(&head));
    fill(&head, items);
    assert_false(list_empty(&head));
    ASSERT_HOLDS(&head, 1, 2, 3);
    list_push_front(&head, &first.node);
    list_insert_after(&items[1].node, &between.node);
    ASSERT_HOLDS(&head, 9, 1, 2, 8, 3);
}

static void removes_also_what_is_in_no_list(void **state) {
    (void)state;
    struct list head;
    struct item items[3];
    fill(&head, items);
    list_remove(&items[1].node);
    ASSERT_HOLDS(&head, 1, 3);
    assert_true(list_empty(&items[1].node));
    list_remove(&items[1].node);
    ASSERT_HOLDS(&head, 1, 3);
    assert_ptr_equal(list_pop_front(&head), &items[0].node);
    assert_true(list_empty(&items[0].node));
    assert_ptr_equal(list_pop_front(&head), &items[2].node);
    assert_true(list_empty(&head));
}

static void moves_all(void **state) {
    (void)state;
    struct list from, into;
    struct item items[3];
    fill(&from, items);
    list_take_all(&into, &from);
    assert_true(list_empty(&from));
    ASSERT_HOLDS(&into, 1, 2, 3);
    list_take_all(&into, &from);
    assert_true(list_empty(&into));
}

static void a_visited_node_may_leave(void **state) {
    (void)state;
    struct list head;
    struct item items[3];
    int sum = 0;
    fill(&head, items);
    list_each (node, next, &head) {
        sum = sum * 10 + list_entry(node, struct item, node)->number;
        if (node != &items[1].node)
            list_remove(node);
    }
    assert_int_equal(sum, 123);
    ASSERT_HOLDS(&head, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order),
        cmocka_unit_test(removes_also_what_is_in_no_list),
        cmocka_unit_test(moves_all),
        cmocka_unit_test(a_visited_node_may_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
