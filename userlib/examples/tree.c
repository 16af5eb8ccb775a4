// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Structures full of pointers, as they are: the device follows a list through a
 * search tree's nodes, and gathers values by an array of pointers. Nothing is
 * flattened, copied or translated. Usage: tree
 *
 * What to copy from here: LIST_WALK with offsetof(), GATHER with &node->value.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <secmmu.h>

#define NODES	20000

/* A node of a search tree; @next threads all of them in order of their keys. */
struct node {
	struct node *left, *right;
	uint64_t key;
	uint64_t value;
	struct node *next;
};

static void must(const char *what, int ret)
{
	if (ret == 0)
		return;
	fprintf(stderr, "tree: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static struct node *insert(struct node **root, uint64_t key)
{
	struct node *new = calloc(1, sizeof(*new));

	if (!new)
		exit(1);
	new->key = key;
	new->value = key * key;
	while (*root)
		root = key < (*root)->key ? &(*root)->left : &(*root)->right;
	*root = new;
	return new;
}

/* Links the nodes below @node in order, and returns where the next goes. */
static struct node **thread(struct node *node, struct node **link)
{
	if (!node)
		return link;
	link = thread(node->left, link);
	*link = node;
	return thread(node->right, &node->next);
}

static void destroy(struct node *node)
{
	if (!node)
		return;
	destroy(node->left);
	destroy(node->right);
	free(node);
}

int main(void)
{
	struct node *root = NULL, *first = NULL;
	static uint64_t addrs[100], values[100];
	uint64_t sum, nodes, want = 0, seed = 1;
	struct secmmu_queue queue;
	struct secmmu dev;

	must("no device", secmmu_open(&dev, NULL));
	must("no queue", secmmu_queue_init(&queue, &dev, 16, 0));

	for (int i = 0; i < NODES; i++) {
		struct node *node;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		node = insert(&root, seed >> 33);
		want += node->value;
		if (i < 100)
			addrs[i] = (uintptr_t)&node->value;
	}
	*thread(root, &first) = NULL;

	must("walk", secmmu_list_walk(&queue, first,
				      offsetof(struct node, next),
				      offsetof(struct node, value), NODES + 1,
				      &sum, &nodes));
	if (sum != want || nodes != NODES) {
		fprintf(stderr, "tree: the device's sum is wrong\n");
		return 1;
	}
	printf("%d nodes of a search tree followed in order, sum right\n",
	       NODES);

	must("gather", secmmu_gather(&queue, values, addrs, sizeof(*values),
				     100));
	for (int i = 0; i < 100; i++) {
		if (values[i] != *(uint64_t *)(uintptr_t)addrs[i]) {
			fprintf(stderr, "tree: value %d is wrong\n", i);
			return 1;
		}
	}
	printf("100 values gathered by their addresses\n");

	/* A list with an end that is nowhere: an error, and no crash. */
	first->next->next = (struct node *)8;
	if (secmmu_list_walk(&queue, first, offsetof(struct node, next),
			     offsetof(struct node, value), NODES, &sum,
			     &nodes) != -EFAULT) {
		fprintf(stderr, "tree: a wild pointer was followed\n");
		return 1;
	}
	printf("a wild pointer in the list: EFAULT, and the queue goes on\n");
	must("after it", secmmu_reduce_u64(&queue, values, 100, &sum));

	secmmu_queue_exit(&queue);
	secmmu_close(&dev);
	destroy(root);
	return 0;
}
